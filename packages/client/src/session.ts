import type { CurrentSession, SessionAnswer } from "@sinter/northbound";
import type { Http, HttpAnswer, HttpRequest } from "./http.ts";
import { ApiError, clientErrors } from "./wire-error.ts";

/** A user to log in as, or a token from an earlier login. With both, the password renews the token. */
export interface Credentials {
  readonly userName?: string;
  readonly password?: string;
  readonly token?: string;
}

export interface Session {
  /** The token in use; undefined before the first login. */
  readonly token: string | undefined;
  /** Begins a session now; the first call does so by itself. */
  login(signal?: AbortSignal): Promise<SessionAnswer>;
  /** Ends the session at the manager. Forgives one that has ended already. */
  logout(): Promise<void>;
  /** Who the manager takes us for. */
  current(): Promise<CurrentSession>;
  /** Sends a request with the token; logs in again once when it has expired and there is a password. */
  send(request: HttpRequest): Promise<HttpAnswer>;
}

const SESSION_PATH = "/service/session";

export function createSession(http: Http, credentials: Credentials): Session {
  let token = credentials.token;
  /** Calls that meet an expired token at the same time wait for one login. */
  let renewal: Promise<string> | undefined;

  const login = async (signal?: AbortSignal): Promise<SessionAnswer> => {
    const { userName, password } = credentials;
    if (userName === undefined || password === undefined) throw clientErrors.notLoggedIn();
    const answer = await http.send({
      method: "POST",
      path: SESSION_PATH,
      headers: {
        "x-auth-user": headerText(userName),
        "x-auth-key": await loginKey(password),
        "x-auth-usertype": "0",
      },
      ...(signal === undefined ? {} : { signal }),
    });
    const given = answer.header("x-auth-token");
    if (given === undefined || given === "") {
      throw clientErrors.notAManager(SESSION_PATH, "the login was answered without a token");
    }
    token = given;
    return answer.body as SessionAnswer; // what the contract promises for a login
  };

  const renew = (): Promise<string> => {
    renewal ??= login()
      .then(() => token as string) // login has just set it
      .finally(() => {
        renewal = undefined;
      });
    return renewal;
  };

  const send = async (request: HttpRequest): Promise<HttpAnswer> => {
    const used = token ?? (await renew());
    try {
      return await http.send(withToken(request, used));
    } catch (error) {
      const hasExpired = error instanceof ApiError && error.status === 401;
      if (!hasExpired || credentials.password === undefined) throw error;
      // Somebody else may have renewed it while this call was on its way.
      const fresh = token !== undefined && token !== used ? token : await renew();
      return await http.send(withToken(request, fresh));
    }
  };

  return {
    get token() {
      return token;
    },
    login,
    send,
    async logout() {
      if (token === undefined) return;
      const used = token;
      token = undefined;
      try {
        await http.send(withToken({ method: "DELETE", path: SESSION_PATH }, used));
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 401) throw error;
      }
    },
    current: async () => (await send({ method: "GET", path: "/sinter/v1/session" })).body as CurrentSession, // the manager's promise
  };
}

/** The lower-case SHA-256 of the password, as the SDKs of this API send it (contract 1.5). */
export async function loginKey(password: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(password));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function withToken(request: HttpRequest, token: string): HttpRequest {
  return { ...request, headers: { ...request.headers, "x-auth-token": token } };
}

/** Header values are bytes: a name beyond ASCII goes as UTF-8, each byte as one character. */
function headerText(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
