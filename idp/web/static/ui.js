// SIAPkerja ID UI enhancements. Every page works without this file.
const $$=(s,r=document)=>[...r.querySelectorAll(s)];
// what is wrong comes first, also for who listens; a `#` in the address takes the focus once more
const sum=document.querySelector('.sum');
if(sum){sum.focus();addEventListener('load',()=>setTimeout(()=>{const at=document.activeElement;if(at===document.body||at===sum.parentElement)sum.focus()}))}
// this page answered a form: whoever comes back to it gets it anew, not the browser's "send again?"
if(sum){const anew=()=>history.replaceState(null,'',location.href);addEventListener('submit',anew);
  addEventListener('click',e=>{const a=e.target.closest('a[href]');if(a&&a.getAttribute('href')[0]!=='#')anew()})}
// the menu's strip on phones begins where this page stands in it
const here=document.querySelector('.nav [aria-current]'),strip=here?.closest('ul');
if(strip&&strip.scrollWidth>strip.clientWidth)strip.scrollLeft=here.offsetLeft-16;
// show / hide password
for(const w of $$('[data-pw]')){const i=w.querySelector('input'),b=document.createElement('button');
  b.type='button';b.setAttribute('aria-controls',i.id);
  const set=on=>{i.type=on?'text':'password';b.textContent=on?w.dataset.hide:w.dataset.show;b.setAttribute('aria-pressed',on)};
  set(false);b.addEventListener('click',()=>set(i.type==='password'));i.form?.addEventListener('submit',()=>set(false));w.append(b)}
// what the server will say of a new password, once the field is left
for(const w of $$('[data-judge]')){const i=w.querySelector('input'),said=document.createElement('p');let turn=0;
  said.className='said';said.setAttribute('role','status');w.after(said);
  const tell=(words,good)=>{said.textContent=words;said.classList.toggle('ok',good)};
  i.addEventListener('input',()=>{turn++;tell('',false)});
  i.addEventListener('change',()=>{const mine=++turn;if(i.value)setTimeout(async()=>{if(mine!==turn)return;
    const sent=new URLSearchParams;for(const name of['csrf_token','password','email','phone']){const f=i.form.elements.namedItem(name);if(f)sent.set(name,f.value)}
    try{const answer=await(await fetch(w.dataset.judge,{method:'POST',body:sent})).json();if(mine===turn)tell(answer.words,answer.good)}catch{}},150)})}
// digits only, grouped for reading, submitted plain
for(const i of $$('input[data-group]')){const g=i.dataset.group.split('-').map(Number);
  // letters and digits too many stay as they were typed: what is wrong with them is for the server to say
  const plain=s=>s.replace(/[\s.-]/g,''),fmt=()=>{const d=plain(i.value);if(/\D/.test(d))return;
    const o=[];let p=0;for(const n of g.slice(0,-1)){o.push(d.slice(p,p+n));p+=n}o.push(d.slice(p));
    let left=plain(i.value.slice(0,i.selectionEnd)).length,at=0;i.value=o.filter(Boolean).join(' ');
    while(left>0)if(i.value[at++]!==' ')left--;
    // behind the digit that it stood behind
    if(document.activeElement===i)i.setSelectionRange(at,at)};
  i.removeAttribute('maxlength');i.addEventListener('input',fmt);fmt();
  i.form?.addEventListener('formdata',e=>e.formData.set(i.name,i.value.replace(/\s/g,'')))}
// resend countdown: the button is real; the server refuses early clicks even without this
for(const b of $$('button[data-wait]')){const end=Date.now()+b.dataset.wait*1000,t=b.textContent,live=document.getElementById(b.dataset.live);
  let was=false;
  const tick=()=>{const n=Math.ceil((end-Date.now())/1000);
    if(n<=0){b.removeAttribute('aria-disabled');b.textContent=t;if(live&&was)live.textContent=b.dataset.ready;return}
    was=true;b.setAttribute('aria-disabled','true');b.textContent=t+' ('+Math.floor(n/60)+':'+String(n%60).padStart(2,'0')+')';setTimeout(tick,1000)};
  b.addEventListener('click',e=>{if(b.getAttribute('aria-disabled')==='true')e.preventDefault()});tick()}
// WebOTP on Android Chrome
const otp=document.querySelector('input[autocomplete="one-time-code"]');
if(otp&&'OTPCredential'in window){const c=new AbortController();otp.form.addEventListener('submit',()=>c.abort());
  navigator.credentials.get({otp:{transport:['sms']},signal:c.signal}).then(o=>{otp.value=o.code;otp.form.requestSubmit()}).catch(()=>{})}
// two minutes before the session ends; another look at the page keeps it
const end=document.querySelector('main[data-ends]');
if(end)setTimeout(()=>{const n=document.createElement('div'),p=document.createElement('p'),a=document.createElement('a');
  n.className='note warn';n.setAttribute('role','status');end.prepend(n);a.href='';a.textContent=end.dataset.stay;p.append(end.dataset.words+' ',a);n.append(p)},
  Math.max(0,end.dataset.ends-120)*1000);
// what was done is told once: a page that is read again, or kept, does not say it anew
if(document.querySelector('.note.ok')){const plain=new URL(location.href);plain.searchParams.delete('pesan');history.replaceState(history.state,'',plain)}
// copy buttons
for(const b of $$('button[data-copy]')){b.hidden=!navigator.clipboard;b.addEventListener('click',async()=>{await navigator.clipboard.writeText(document.getElementById(b.dataset.copy).textContent.trim());b.textContent=b.dataset.done})}
// a portal that is slow to say whether an old password is right: go on once it did
for(const w of $$('[data-late]')){const there=w.querySelector('a').href,asks=there+(there.includes('?')?'&':'?')+'tanya=1';
  for(const after of[1000,2500,5000,10000])setTimeout(async()=>{try{if((await fetch(asks)).status===200)location.href=there}catch{}},after)}
