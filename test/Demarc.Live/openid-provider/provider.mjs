// An OpenID provider that we did not write (npm oidc-provider), with one client and everybody as a user: whatever name is typed is who signs in.
//
//   node provider.mjs PORT REDIRECT-ADDRESS CLIENT-SECRET
import { Provider } from 'oidc-provider';

const [port, redirect, secret] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'demarc', client_secret: secret, redirect_uris: [redirect], response_types: ['code'], grant_types: ['authorization_code'], token_endpoint_auth_method: 'client_secret_post' }],
  cookies: { keys: [secret] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
