// oidc-provider as its documentation runs it in production: Redis storage, own interaction pages,
// own cookie keys, a process for each core by node:cluster. Told by the environment: PORT,
// REDIS_URL, ALG, WORKERS, and SEED, a JSON file with clients, people and hash parameters.
import cluster from 'node:cluster';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import argon2 from 'argon2';
import { Provider } from 'oidc-provider';

import { redis, RedisAdapter } from './store.mjs';

const { PORT, ALG } = process.env;
const SEED = JSON.parse(readFileSync(process.env.SEED, 'utf8'));
const RESOURCE = 'https://layanan.example/';
const SCOPE = 'openid profile email offline_access';

async function lead() {
  const options = { memoryCost: SEED.argon2.memory_kib, timeCost: SEED.argon2.passes, parallelism: SEED.argon2.lanes };
  for (const { login, password, claims } of SEED.people) {
    const hash = await argon2.hash(password, { ...options, type: argon2.argon2id });
    await redis.set(`account:${login}`, JSON.stringify({ hash, claims }));
  }
  redis.disconnect();
  const shared = { JWK: JSON.stringify(signingKey()), COOKIE_KEY: randomBytes(32).toString('base64url') };
  for (let count = 0; count < Number(process.env.WORKERS); count += 1) cluster.fork(shared);
}

function signingKey() {
  const { privateKey } = ALG === 'ES256'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), alg: ALG, use: 'sig' };
}

function serve() {
  const provider = new Provider(`http://localhost:${PORT}`, {
    adapter: RedisAdapter,
    clients: SEED.clients,
    jwks: { keys: [JSON.parse(process.env.JWK)] },
    cookies: { keys: [process.env.COOKIE_KEY] },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'given_name', 'family_name', 'birthdate', 'locale'],
    },
    pkce: { required: () => true },
    findAccount,
    loadExistingGrant,
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx, _, oneOf) => (
          ctx.oidc.params.grant_type === 'client_credentials' ? RESOURCE : oneOf
        ),
        getResourceServerInfo: () => ({
          scope: 'layanan', accessTokenFormat: 'jwt', jwt: { sign: { alg: ALG } },
        }),
      },
    },
  });
  const callback = provider.callback();
  createServer((req, res) => {
    if (!req.url.startsWith('/interaction/')) return callback(req, res);
    return interact(provider, req, res).catch(() => res.writeHead(500).end());
  }).listen(Number(PORT), '127.0.0.1');
}

async function account(login) {
  const text = await redis.get(`account:${login}`);
  return text ? JSON.parse(text) : undefined;
}

async function findAccount(_, login) {
  const found = await account(login);
  return found && { accountId: login, claims: () => ({ sub: login, ...found.claims }) };
}

// the documented way to skip consent for first-party clients
async function loadExistingGrant(ctx) {
  const { client, session, provider } = ctx.oidc;
  const known = session.grantIdFor(client.clientId);
  if (known) return provider.Grant.find(known);
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(SCOPE);
  await grant.save();
  return grant;
}

async function interact(provider, req, res) {
  if (req.method === 'GET') {
    const { uid, prompt } = await provider.interactionDetails(req, res);
    res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
    return res.end(PAGES[prompt.name](uid));
  }
  if (req.url.endsWith('/consent')) return provider.interactionFinished(req, res, { consent: {} });
  const form = new URLSearchParams(await body(req));
  const login = form.get('login');
  const found = await account(login);
  if (!found || !(await argon2.verify(found.hash, form.get('password')))) {
    return res.writeHead(422).end();
  }
  return provider.interactionFinished(req, res, { login: { accountId: login } });
}

async function body(req) {
  let text = '';
  for await (const chunk of req) text += chunk;
  return text;
}

const page = (uid, step, title, fields) => `<!doctype html>
<html lang="id"><head><meta charset="utf-8"><title>${title}</title></head><body><main>
<h1>${title}</h1><form method="post" action="/interaction/${uid}/${step}">
${fields}<button>${title}</button></form></main></body></html>`;

const PAGES = {
  login: (uid) => page(uid, 'login', 'Masuk', `
<label for="login">E-mail</label><input id="login" name="login" autocomplete="username">
<label for="password">Kata sandi</label><input id="password" name="password" type="password">`),
  consent: (uid) => page(uid, 'consent', 'Izinkan', ''),
};

if (cluster.isPrimary) await lead();
else serve();
