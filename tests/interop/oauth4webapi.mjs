// oauth4webapi 3: every step by hand, each answer checked by the library.

import * as oauth from "oauth4webapi";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { Browser } from "./browser.mjs";
import { listening } from "./listener.mjs";
import { refusal, run } from "./scenario.mjs";

const INSECURE = { [oauth.allowInsecureRequests]: true };

async function discover(issuer) {
  const url = new URL(issuer);
  const found = {};
  for (const algorithm of ["oidc", "oauth2"]) {
    const response = await oauth.discoveryRequest(url, { algorithm, ...INSECURE });
    found[algorithm] = await oauth.processDiscoveryResponse(url, response);
  }
  return found;
}

async function authorize(server, task, more = {}) {
  const { client } = task;
  const secrets = {
    verifier: oauth.generateRandomCodeVerifier(),
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
  };
  const url = new URL(server.authorization_endpoint);
  const parameters = {
    client_id: client.client_id,
    redirect_uri: client.redirect_uris[0],
    response_type: "code",
    scope: client.scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(secrets.verifier),
    code_challenge_method: "S256",
    state: secrets.state,
    nonce: secrets.nonce,
    max_age: "3600",
    prompt: "consent",
    ...more,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const browser = new Browser(task.issuer);
  return { browser, back: await browser.visit(url, task.account), secrets };
}

async function redeem(server, task, authentication, { back, secrets }) {
  const { client } = task;
  const checked = oauth.validateAuthResponse(server, client, back, secrets.state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    authentication,
    checked,
    client.redirect_uris[0],
    secrets.verifier,
    INSECURE,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: secrets.nonce,
    maxAge: 3600,
    requireIdToken: true,
  });
  await oauth.validateApplicationLevelSignature(server, response, INSECURE);
  return tokens;
}

await run({
  async whole(task) {
    const { client } = task;
    const found = await discover(task.issuer);
    const server = found.oidc;
    const authentication = oauth.ClientSecretBasic(client.client_secret);
    const signed_in = await authorize(server, task);
    const tokens = await redeem(server, task, authentication, signed_in);
    const claims = oauth.getValidatedIdTokenClaims(tokens);
    const about = await oauth.processUserInfoResponse(
      server,
      client,
      claims.sub,
      await oauth.userInfoRequest(server, client, tokens.access_token, INSECURE),
    );
    const refreshed = await oauth.processRefreshTokenResponse(
      server,
      client,
      await oauth.refreshTokenGrantRequest(
        server,
        client,
        authentication,
        tokens.refresh_token,
        INSECURE,
      ),
    );
    const introspect = async () =>
      oauth.processIntrospectionResponse(
        server,
        client,
        await oauth.introspectionRequest(
          server,
          client,
          authentication,
          refreshed.access_token,
          INSECURE,
        ),
      );
    const told = await introspect();
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(
        server,
        client,
        authentication,
        tokens.refresh_token,
        INSECURE,
      ),
    );
    const ended = await introspect();
    const leave = new URL(server.end_session_endpoint);
    leave.searchParams.set("id_token_hint", tokens.id_token);
    leave.searchParams.set("post_logout_redirect_uri", client.post_logout_redirect_uris[0]);
    const left = await signed_in.browser.visit(leave, task.account);
    return { claims, about, tokens, refreshed, told, ended, left: left.href, metadata: found };
  },

  async backchannel_logout(task) {
    const { client } = task;
    return listening(task.port, async (next) => {
      const { oidc: server } = await discover(task.issuer);
      const authentication = oauth.ClientSecretBasic(client.client_secret);
      const signed_in = await authorize(server, task);
      const tokens = await redeem(server, task, authentication, signed_in);
      const leave = new URL(server.end_session_endpoint);
      leave.searchParams.set("id_token_hint", tokens.id_token);
      await signed_in.browser.visit(leave, task.account);
      const { body } = await next();
      const keys = createRemoteJWKSet(new URL(server.jwks_uri));
      const verified = await jwtVerify(new URLSearchParams(body).get("logout_token"), keys, {
        issuer: server.issuer,
        audience: client.client_id,
        typ: "logout+jwt",
      });
      return { told: verified.payload, claims: oauth.getValidatedIdTokenClaims(tokens) };
    });
  },

  async signed_introspection(task) {
    const { client } = task;
    const { oidc: server } = await discover(task.issuer);
    const authentication = oauth.ClientSecretBasic(client.client_secret);
    const tokens = await redeem(server, task, authentication, await authorize(server, task));
    const ask = async (token) => {
      const response = await oauth.introspectionRequest(
        server,
        client,
        authentication,
        token,
        INSECURE,
      );
      const type = response.headers.get("content-type");
      const told = await oauth.processIntrospectionResponse(server, client, response);
      await oauth.validateApplicationLevelSignature(server, response, INSECURE);
      return { type, told };
    };
    return { good: await ask(tokens.access_token), bad: await ask("made-up") };
  },

  async resource_server(task) {
    const { oidc: server } = await discover(task.issuer);
    const authentication = oauth.ClientSecretBasic(task.client.client_secret);
    const tokens = await redeem(server, task, authentication, await authorize(server, task));
    const request = new Request(`${task.resource}/thing`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    const claims = await oauth.validateJwtAccessToken(server, request, task.resource, INSECURE);
    const elsewhere = await refusal(
      oauth.validateJwtAccessToken(server, request.clone(), "https://other.example", INSECURE),
    );
    return { claims, elsewhere };
  },

  async refused(task) {
    const { oidc: server } = await discover(task.issuer);
    const authentication = oauth.ClientSecretBasic(task.client.client_secret);
    const wrong = oauth.ClientSecretBasic("a-secret-that-is-not-the-right-one");
    const found = {};
    const attempts = {
      nonce: async (made) =>
        redeem(server, task, authentication, {
          ...made,
          secrets: { ...made.secrets, nonce: "another" },
        }),
      state: async (made) =>
        redeem(server, task, authentication, {
          ...made,
          secrets: { ...made.secrets, state: "another" },
        }),
      secret: async (made) => redeem(server, task, wrong, made),
      issuer: async (made) =>
        redeem({ ...server, issuer: "https://issuer.example" }, task, authentication, made),
    };
    for (const [name, attempt] of Object.entries(attempts)) {
      found[name] = await refusal(attempt(await authorize(server, task)));
    }
    found.discovery = await refusal(discover(task.issuer.replace("localhost", "127.0.0.1")));
    return found;
  },
});
