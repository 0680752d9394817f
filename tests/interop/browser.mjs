// A browser without script: keeps cookies, follows redirects on the provider, sends forms.

const STEPS_MAX = 15;

/** What a person does on each page of the provider: its path, and the fields they fill in. */
const HABITS = {
  "/masuk": (account) => ({ identifier: account.email, password: account.password }),
  "/izin": () => ({ decision: "allow" }),
  "/keluar": () => ({ decision: "all" }),
  // the code first; who asks stands on the next page
  "/perangkat": ({ user_code }, page) =>
    page.includes('name="decision"') ? { decision: "allow" } : { user_code },
};

export class Browser {
  #cookies = new Map();

  constructor(origin) {
    this.origin = origin;
  }

  /**
   * Open a URL of the provider and do what a person does on its pages until it sends the browser
   * away: a `URL` by redirect, a `Request` by a form (`form_post`), `null` where it ends here.
   */
  async visit(url, account) {
    let response = await this.#send(new URL(url));
    for (let step = 0; step < STEPS_MAX; step += 1) {
      const location = response.headers.get("location");
      if (location !== null) {
        const next = new URL(location, response.url);
        if (next.origin !== this.origin) return next;
        response = await this.#send(next);
        continue;
      }
      const page = await response.text();
      if (!response.ok) throw new Error(`${response.url}: ${response.status}\n${text_of(page)}`);
      const form = read_form(page, response.url);
      const habit = HABITS[new URL(response.url).pathname];
      if (form !== null && form.action.origin !== this.origin) {
        return new Request(form.action, { method: "POST", body: new URLSearchParams(form.fields) });
      }
      if (form === null || habit === undefined) return null;
      response = await this.#send(form.action, { ...form.fields, ...habit(account, page) });
    }
    throw new Error(`no end after ${STEPS_MAX} pages`);
  }

  async #send(url, fields) {
    const headers = { cookie: [...this.#cookies].map(([n, v]) => `${n}=${v}`).join("; ") };
    const request = { headers, redirect: "manual" };
    if (fields !== undefined) {
      request.method = "POST";
      request.body = new URLSearchParams(fields);
      headers.origin = this.origin;
    }
    const response = await fetch(url, request);
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      if (/max-age=0/i.test(cookie)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }
}

function read_form(page, url) {
  const found = /<form\b([^>]*\bmethod="post"[^>]*)>(.*?)<\/form>/is.exec(page);
  if (found === null) return null;
  const action = /\baction="([^"]*)"/.exec(found[1]);
  const fields = {};
  for (const [input] of found[2].matchAll(/<input\b[^>]*>/gi)) {
    if (!/\btype="hidden"/.test(input)) continue;
    const [, name] = /\bname="([^"]*)"/.exec(input);
    fields[name] = unescape_html(/\bvalue="([^"]*)"/.exec(input)?.[1] ?? "");
  }
  return { action: new URL(action ? unescape_html(action[1]) : url, url), fields };
}

function unescape_html(text) {
  const known = { amp: "&", lt: "<", gt: ">", quot: '"', "#34": '"', "#39": "'" };
  return text.replace(/&(#?\w+);/g, (whole, name) => known[name] ?? whole);
}

function text_of(page) {
  const main = /<main\b.*?<\/main>/is.exec(page)?.[0] ?? page;
  return main.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").slice(0, 800);
}
