// Keeps the inboxes fresh and puts copy buttons beside what people copy. The page works without it.
"use strict";

const PAUSE_MS = 1500;

function addCopyButtons(within) {
  if (!navigator.clipboard) return;
  for (const source of within.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Salin";
    button.setAttribute("aria-label", `Salin ${source.textContent}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Tersalin";
      setTimeout(() => { button.textContent = "Salin"; }, 1500);
    });
    source.after(button);
  }
}

function isBeingRead(inbox) {
  const selection = getSelection();
  return inbox.contains(document.activeElement) && document.activeElement !== inbox
    || selection && !selection.isCollapsed && inbox.contains(selection.anchorNode);
}

async function keepFresh(inbox, sign) {
  let tag = null;
  let seen = inbox.querySelectorAll(".message").length;
  for (;;) {
    await new Promise((wake) => setTimeout(wake, PAUSE_MS));
    if (document.hidden || isBeingRead(inbox)) continue;
    try {
      const reply = await fetch(inbox.dataset.inbox, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      sign.classList.remove("off");
      sign.lastChild.textContent = "Langsung";
      if (reply.status !== 200) continue;
      tag = reply.headers.get("ETag");
      inbox.innerHTML = await reply.text();
      addCopyButtons(inbox);
      const messages = inbox.querySelectorAll(".message");
      if (messages.length > seen) messages[0].classList.add("new");
      seen = messages.length;
    } catch {
      sign.classList.add("off");
      sign.lastChild.textContent = "Sandbox tidak menjawab";
    }
  }
}

addCopyButtons(document);
const inbox = document.querySelector("[data-inbox]");
const sign = document.querySelector("[data-live]");
if (inbox && sign) {
  sign.setAttribute("role", "status");
  sign.replaceChildren(document.createElement("i"), "Langsung");
  keepFresh(inbox, sign);
}
