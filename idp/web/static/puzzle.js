// Proof of work inside a form (services/puzzle.py): SHA-256 of "token.number" with leading zero bits.
// Works in slices, so that the page stays awake; without this file the person waits half a minute.
const K=[],H=[];
for(let n=2,found=0;found<64;n++){let prime=true;for(let d=2;d*d<=n;d++)if(n%d===0){prime=false;break}
  if(prime){if(found<8)H.push(Math.sqrt(n)%1*4294967296|0);K.push(Math.cbrt(n)%1*4294967296|0);found++}}
const w=new Int32Array(64);
// first word of the digest of one ASCII text of at most 55 characters
const first=text=>{
  w.fill(0,0,16);for(let i=0;i<text.length;i++)w[i>>2]|=text.charCodeAt(i)<<24-8*(i&3);
  w[text.length>>2]|=128<<24-8*(text.length&3);w[15]=text.length*8;
  for(let i=16;i<64;i++){const a=w[i-15],b=w[i-2];
    w[i]=w[i-16]+w[i-7]+((a>>>7|a<<25)^(a>>>18|a<<14)^a>>>3)+((b>>>17|b<<15)^(b>>>19|b<<13)^b>>>10)|0}
  let [a,b,c,d,e,f,g,h]=H;
  for(let i=0;i<64;i++){
    const t=h+((e>>>6|e<<26)^(e>>>11|e<<21)^(e>>>25|e<<7))+(e&f^~e&g)+K[i]+w[i]|0;
    const u=((a>>>2|a<<30)^(a>>>13|a<<19)^(a>>>22|a<<10))+(a&b^a&c^b&c)|0;
    h=g;g=f;f=e;e=d+t|0;d=c;c=b;b=a;a=t+u|0}
  return H[0]+a|0};
// Safari 15 knows no requestSubmit: what the button says goes along as a field
const send=(form,button)=>{if(form.requestSubmit)return form.requestSubmit(button);
  if(button.name)form.append(Object.assign(document.createElement('input'),{type:'hidden',name:button.name,value:button.value}));form.submit()};
for(const field of document.querySelectorAll('input[data-puzzle]')){
  const token=field.dataset.puzzle,bits=+field.dataset.bits,form=field.form,status=form.querySelector('[data-working]');
  let number=0,pressed=null;
  const work=()=>{const until=performance.now()+12;
    do{if(first(token+'.'+number)>>>32-bits===0){field.value=number;status.textContent=status.dataset.ready;
        if(pressed)send(form,pressed);return}
      number++}while(number%64||performance.now()<until);
    setTimeout(work)};
  // pressed before the work is done: sent as soon as it is
  form.addEventListener('submit',event=>{if(field.value==='')
    {event.preventDefault();pressed=event.submitter||form.querySelector('button')}});
  status.textContent=status.dataset.working;work()}
