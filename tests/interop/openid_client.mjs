// openid-client 6, as its documentation says, against a running provider.

import * as oidc from "openid-client";
import { createRemoteJWKSet, importJWK, jwtVerify } from "jose";
import { Browser } from "./browser.mjs";
import { listening } from "./listener.mjs";
import { refusal, run } from "./scenario.mjs";

const CIBA = "urn:openid:params:grant-type:ciba";

const AUTHENTICATION = {
  client_secret_basic: ({ client_secret }) => oidc.ClientSecretBasic(client_secret),
  client_secret_post: ({ client_secret }) => oidc.ClientSecretPost(client_secret),
  none: () => oidc.None(),
  private_key_jwt: async ({ private_key }) =>
    oidc.PrivateKeyJwt({ key: await importJWK(private_key, private_key.alg), kid: private_key.kid }),
};

async function configure({ issuer, client }) {
  const authentication = await AUTHENTICATION[client.token_endpoint_auth_method](client);
  const metadata = { id_token_signed_response_alg: client.id_token_signed_response_alg };
  const config = await oidc.discovery(new URL(issuer), client.client_id, metadata, authentication, {
    execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
  });
  return config;
}

/** A request with PKCE, state and nonce; `pushed`: over PAR (RFC 9126). */
async function begin(config, { client, scope = "openid profile email", pushed = false, ...more }) {
  const checks = {
    pkceCodeVerifier: oidc.randomPKCECodeVerifier(),
    expectedState: oidc.randomState(),
    expectedNonce: oidc.randomNonce(),
    idTokenExpected: true,
  };
  const parameters = {
    redirect_uri: client.redirect_uris[0],
    scope,
    code_challenge: await oidc.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...more,
  };
  const build = pushed ? oidc.buildAuthorizationUrlWithPAR : oidc.buildAuthorizationUrl;
  return { url: await build(config, parameters), checks };
}

async function sign_in(task, more = {}, dpop = undefined) {
  const config = await configure(task);
  if (more.use_jwt_response) oidc.useJwtResponseMode(config);
  delete more.use_jwt_response;
  const browser = new Browser(task.issuer);
  const { url, checks } = await begin(config, { client: task.client, ...more });
  const back = await browser.visit(url, task.account);
  const options = dpop ? { DPoP: oidc.getDPoPHandle(config, dpop) } : undefined;
  const tokens = await oidc.authorizationCodeGrant(config, back, checks, undefined, options);
  return { config, browser, back, checks, tokens, options };
}

await run({
  async whole(task) {
    const { config, browser, tokens } = await sign_in(task, {
      scope: task.client.scope,
      prompt: "consent",
      pushed: task.pushed ?? false,
    });
    const claims = tokens.claims();
    const about = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
    const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    const told = task.is_public ? {} : await oidc.tokenIntrospection(config, refreshed.access_token);
    await oidc.tokenRevocation(config, refreshed.refresh_token ?? tokens.refresh_token);
    const ended = task.is_public ? {} : await oidc.tokenIntrospection(config, refreshed.access_token);
    const after = await refusal(oidc.fetchUserInfo(config, refreshed.access_token, claims.sub));
    const leave = oidc.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri: task.client.post_logout_redirect_uris[0],
      state: "left",
    });
    const left = await browser.visit(leave, task.account);
    const silent = await begin(config, { client: task.client, prompt: "none", pushed: task.pushed });
    const known = await browser.visit(silent.url, task.account);
    const again = await refusal(oidc.authorizationCodeGrant(config, known, silent.checks));
    return { claims, about, tokens, refreshed, told, ended, after, left: left.href, again };
  },

  async form_post(task) {
    const { back, tokens } = await sign_in(task, { response_mode: "form_post" });
    return { method: back.method, claims: tokens.claims() };
  },

  async jwt_response(task) {
    const { back, tokens } = await sign_in(task, { use_jwt_response: true });
    return { names: [...back.searchParams.keys()], claims: tokens.claims() };
  },

  async dpop(task) {
    const pair = await oidc.randomDPoPKeyPair("ES256");
    const { config, tokens, options } = await sign_in(task, {}, pair);
    const { sub } = tokens.claims();
    const about = await oidc.fetchUserInfo(config, tokens.access_token, sub, options);
    const bare = await refusal(oidc.fetchUserInfo(config, tokens.access_token, sub));
    return { type: tokens.token_type, about, bare };
  },

  async device(task) {
    const config = await configure(task);
    const waiting = await oidc.initiateDeviceAuthorization(config, { scope: "openid profile" });
    const browser = new Browser(task.issuer);
    const { user_code, verification_uri, verification_uri_complete } = waiting;
    await browser.visit(verification_uri_complete, { ...task.account, user_code });
    // answered already: the interval need not be waited for
    const tokens = await oidc.pollDeviceAuthorizationGrant(config, { ...waiting, interval: 1 });
    const claims = tokens.claims();
    const about = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
    const again = await refusal(
      oidc.pollDeviceAuthorizationGrant(config, { ...waiting, interval: 1 }),
    );
    return { verification_uri, claims, about, again };
  },

  async ciba(task) {
    const config = await configure(task);
    const ask = { scope: "openid profile", login_hint: task.account.email, ...task.request };
    const waiting = await oidc.initiateBackchannelAuthentication(config, ask);
    await answer(task, waiting);
    const tokens = await oidc.pollBackchannelAuthenticationGrant(config, {
      ...waiting,
      interval: 1,
    });
    const claims = tokens.claims();
    const about = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
    const nobody = await refusal(
      oidc.initiateBackchannelAuthentication(config, { ...ask, login_hint: "nobody@contoh.id" }),
    );
    const denied = await oidc.initiateBackchannelAuthentication(config, ask);
    await answer(task, denied, "deny");
    const no = await refusal(
      oidc.pollBackchannelAuthenticationGrant(config, { ...denied, interval: 1 }),
    );
    return { claims, about, nobody, no };
  },

  async ciba_ping(task) {
    const config = await configure(task);
    const token = oidc.randomState();
    return listening(task.port, async (next) => {
      const waiting = await oidc.initiateBackchannelAuthentication(config, {
        scope: "openid",
        login_hint: task.account.email,
        client_notification_token: token,
      });
      await answer(task, waiting);
      const { path, headers, body } = await next();
      const { auth_req_id } = waiting;
      const tokens = await oidc.genericGrantRequest(config, CIBA, { auth_req_id });
      return {
        path,
        bearer_fits: headers.authorization === `Bearer ${token}`,
        body_fits: JSON.stringify(JSON.parse(body)) === JSON.stringify({ auth_req_id }),
        claims: tokens.claims(),
      };
    });
  },

  async backchannel_logout(task) {
    return listening(task.port, async (next) => {
      const { config, browser, tokens } = await sign_in(task);
      const leave = oidc.buildEndSessionUrl(config, {
        id_token_hint: tokens.id_token,
        post_logout_redirect_uri: task.client.post_logout_redirect_uris[0],
      });
      await browser.visit(leave, task.account);
      const { path, headers, body } = await next();
      const { issuer, jwks_uri } = config.serverMetadata();
      const keys = createRemoteJWKSet(new URL(jwks_uri));
      const verified = await jwtVerify(new URLSearchParams(body).get("logout_token"), keys, {
        issuer,
        audience: task.client.client_id,
        typ: "logout+jwt",
        maxTokenAge: "2 minutes",
        requiredClaims: ["jti", "events", "sid", "sub"],
      });
      return { path, type: headers["content-type"], told: verified.payload, claims: tokens.claims() };
    });
  },

  async client_credentials(task) {
    const config = await configure(task);
    const tokens = await oidc.clientCredentialsGrant(config, { scope: task.scope });
    return { tokens, told: await oidc.tokenIntrospection(config, tokens.access_token) };
  },

  async refused(task) {
    const config = await configure(task);
    const browser = new Browser(task.issuer);
    const found = {};
    const attempts = {
      nonce: (url, checks) => [url, { ...checks, expectedNonce: "another" }],
      state: (url, checks) => [url, { ...checks, expectedState: "another" }],
      issuer: (url, checks) => [bent(url, "iss", "https://issuer.example"), checks],
      no_issuer: (url, checks) => [bent(url, "iss", null), checks],
      verifier: (url, checks) => [url, { ...checks, pkceCodeVerifier: oidc.randomPKCECodeVerifier() }],
      code: (url, checks) => [bent(url, "code", "made-up"), checks],
      max_age: (url, checks) => [url, { ...checks, maxAge: -1 }],
    };
    for (const [name, bend] of Object.entries(attempts)) {
      const { url, checks } = await begin(config, { client: task.client });
      const back = await browser.visit(url, task.account);
      found[name] = await refusal(oidc.authorizationCodeGrant(config, ...bend(back, checks)));
    }
    const { url, checks } = await begin(config, { client: task.client });
    const back = await browser.visit(url, task.account);
    await oidc.authorizationCodeGrant(config, back, checks);
    found.twice = await refusal(oidc.authorizationCodeGrant(config, back, checks));
    const asked = await begin(config, { client: task.client, scope: "profile nik" });
    const denied = await browser.visit(asked.url, task.account);
    found.scope = await refusal(oidc.authorizationCodeGrant(config, denied, asked.checks));
    return found;
  },
});

/** Answer for the person who was asked, which sandboxes can. */
async function answer({ issuer }, { auth_req_id }, decision = "allow") {
  const response = await fetch(`${issuer}/sandbox/ciba`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ auth_req_id, decision }),
  });
  if (!response.ok) throw new Error(await response.text());
}

function bent(url, name, value) {
  const other = new URL(url);
  if (value === null) other.searchParams.delete(name);
  else other.searchParams.set(name, value);
  return other;
}
