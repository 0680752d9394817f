// The answer of an authorization request is posted at once; the button is there without script.
document.querySelector("form[data-submit-now]")?.submit();
