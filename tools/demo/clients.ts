import assert from "node:assert/strict";
import { type Access, type Answer, sha256, Wire } from "./wire.ts";

/** A client as its bytes look: how it logs in, and the headers of everything after. */
export interface DemoClient {
  readonly name: string;
  login(): Promise<Answer>;
  get(path: string): Promise<Answer>;
  /** `undefined` sends no body at all. */
  post(path: string, body?: unknown): Promise<Answer>;
  put(path: string, body: unknown): Promise<Answer>;
  delete(path: string): Promise<Answer>;
  close(): void;
}

/** Go SDKs: no Accept at login, `X-Auth-Usertype`, everything afterwards with version v8.0 and a closing semicolon. */
export function goClient(access: Access): DemoClient {
  const wire = new Wire(access);
  let token = "";
  const common = () => [
    "User-Agent: go-resty/2.6.0 (https://github.com/go-resty/resty)",
    "Accept: application/json;version=v8.0;charset=UTF-8;",
    "Accept-Language: zh_CN:1.0",
    `X-Auth-Token: ${token}`,
    "Accept-Encoding: gzip",
  ];
  const withBody = () => [...common(), "Content-Type: application/json"];
  return {
    name: "Go SDK",
    login: async () => {
      const answer = await wire.send("POST", "/service/session", [
        "User-Agent: go-resty/2.6.0 (https://github.com/go-resty/resty)",
        "Content-Length: 0",
        `X-Auth-Key: ${sha256(access.password)}`,
        `X-Auth-User: ${access.userName}`,
        "X-Auth-Usertype: 2",
        "Accept-Encoding: gzip",
      ]);
      token = answer.headers.get("x-auth-token") ?? "";
      return answer;
    },
    get: (path) => wire.send("GET", path, common()),
    post: (path, body) =>
      body === undefined
        ? wire.send("POST", path, [...common(), "Content-Length: 0"])
        : wire.send("POST", path, withBody(), JSON.stringify(body)),
    put: (path, body) => wire.send("PUT", path, withBody(), JSON.stringify(body)),
    delete: (path) => wire.send("DELETE", path, common()),
    close: () => wire.close(),
  };
}

/** The official Java SDK on Restlet: a POST without parameters has neither body nor Content-Length nor type. */
export function javaClient(access: Access): DemoClient {
  const wire = new Wire(access);
  let token = "";
  const common = () => [
    `Date: ${new Date().toUTCString()}`,
    "Accept: application/json;version=6.0;charset=UTF-8;",
    "Accept-Language: zh_CN",
    "User-Agent: Restlet-Framework/2.2.1",
    ...(token === "" ? [] : [`X-Auth-Token: ${token}`]),
    "Cache-Control: no-cache",
    "Pragma: no-cache",
    "Connection: keep-alive",
  ];
  const withBody = () => [...common(), "Content-Type: application/json; charset=UTF-8"];
  return {
    name: "Java SDK",
    login: async () => {
      token = "";
      const [date, accept, language, agent, ...rest] = common();
      const answer = await wire.send("POST", "/service/session", [
        date as string,
        accept as string,
        language as string,
        agent as string,
        `X-Auth-User: ${access.userName}`,
        `X-Auth-Key: ${sha256(access.password)}`,
        ...rest,
      ]);
      token = answer.headers.get("x-auth-token") ?? "";
      return answer;
    },
    get: (path) => wire.send("GET", path.replaceAll(" ", "%20"), common()),
    post: (path, body) =>
      body === undefined
        ? wire.send("POST", path, common())
        : wire.send("POST", path, withBody(), JSON.stringify(body)),
    put: (path, body) => wire.send("PUT", path, withBody(), JSON.stringify(body)),
    delete: (path) => wire.send("DELETE", path, common()),
    close: () => wire.close(),
  };
}

/** Success as every client of the contract demands it: status 200 and an object. */
export function ok(answer: Answer): Answer["json"] {
  assert.equal(answer.status, 200, `${answer.status} ${answer.text}`);
  assert.equal(typeof answer.json, "object", answer.text);
  return answer.json;
}

/** A refusal with its code. */
export function refused(answer: Answer, errorCode: string, status = 400): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.errorCode, errorCode, answer.text);
  assert.equal(typeof answer.json.errorDes, "string");
}

/** URN from URI by text replacement, as terraform and nova do it. */
export function urnOf(uri: string): string {
  return uri.replace("/service", "urn").replaceAll("/", ":");
}
