// Passkeys: the page brings the question, the answer goes back in the same form. Without script
// the button stays hidden and the words beside it say so.
const bytes=t=>Uint8Array.from(atob(t.replace(/-/g,'+').replace(/_/g,'/')),c=>c.charCodeAt(0));
const text=b=>btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g,'-').replace(/\//g,'_').replace(/=+$/,'');
const ids=list=>(list||[]).map(one=>({...one,id:bytes(one.id)}));
// what newer browsers do by themselves
const question=(o,made)=>made?{...o,challenge:bytes(o.challenge),user:{...o.user,id:bytes(o.user.id)},excludeCredentials:ids(o.excludeCredentials)}
  :{...o,challenge:bytes(o.challenge),allowCredentials:ids(o.allowCredentials)};
const answer=c=>{const r=c.response,told={clientDataJSON:text(r.clientDataJSON)};
  if(r.attestationObject){told.attestationObject=text(r.attestationObject);told.transports=r.getTransports?.()||[]}
  else{told.authenticatorData=text(r.authenticatorData);told.signature=text(r.signature);if(r.userHandle)told.userHandle=text(r.userHandle)}
  return{id:c.id,rawId:text(c.rawId),type:c.type,response:told,clientExtensionResults:c.getClientExtensionResults()}};
for(const box of document.querySelectorAll('[data-passkey]')){
  if(!window.PublicKeyCredential||!navigator.credentials)continue;
  const button=box.querySelector('button'),said=box.querySelector('[role=status]'),form=button.form,made=box.dataset.passkey==='create';
  button.hidden=false;said.textContent='';let done=false;const quiet=new AbortController;
  const ask=async more=>{const publicKey=question(JSON.parse(box.dataset.options),made);
    const found=await navigator.credentials[made?'create':'get']({publicKey,...more});
    form.elements.namedItem('passkey_answer').value=JSON.stringify(answer(found));
    done=true;form.requestSubmit(button)};
  button.addEventListener('click',async event=>{if(done)return;event.preventDefault();said.textContent='';quiet.abort();
    try{await ask({})}catch{said.textContent=box.dataset.failed}});
  // in the list under the identifier; whoever chooses none of it is never told of a failure
  if(box.dataset.passkey==='sign-in'&&PublicKeyCredential.isConditionalMediationAvailable)
    PublicKeyCredential.isConditionalMediationAvailable().then(can=>can&&ask({mediation:'conditional',signal:quiet.signal})).catch(()=>{})}
