import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { issueCertificate, joinSecretMatches, makeJoinToken, parseJoinToken } from "@sinter/agent-link";
import type { TestPki } from "@sinter/agent-link/testing";
import {
  agentName,
  ENROLMENT_PATH,
  EnrolmentReply,
  EnrolmentRequest,
  MANAGER_NAME,
} from "@sinter/southbound";
import { Check, Errors } from "typebox/value";

/** The manager's side of joining, in some lines, for tests: takes each token once. */
export interface TestManager extends AsyncDisposable {
  readonly port: number;
  /** A fresh token, good once. */
  token(): string;
  /** What agents asked. */
  readonly requests: readonly EnrolmentRequest[];
}

export async function startTestManager(
  pki: TestPki,
  options: {
    /** Name in the server's certificate; default the manager's own. */
    readonly serverName?: string;
    /** Changes the reply before it is sent. */
    readonly tamper?: (reply: EnrolmentReply) => unknown;
  } = {},
): Promise<TestManager> {
  const identity = await pki.identity(options.serverName ?? MANAGER_NAME, "server");
  const requests: EnrolmentRequest[] = [];
  const hashes = new Map<string, string>();

  async function enrol(body: unknown): Promise<{ status: number; reply: unknown }> {
    if (!Check(EnrolmentRequest, body)) {
      return { status: 400, reply: { errorDes: JSON.stringify(Errors(EnrolmentRequest, body)[0]) } };
    }
    const { id, secret } = parseJoinToken(body.token);
    const hash = hashes.get(id);
    if (hash === undefined || !joinSecretMatches(secret, hash)) {
      return { status: 403, reply: { errorDes: "The token was used or has expired." } };
    }
    hashes.delete(id);
    requests.push(body);
    const certificate = await issueCertificate(pki.ca, {
      csrPem: body.csr,
      dnsNames: [agentName(body.hostUuid)],
      usage: "server",
      days: 1,
    });
    const reply: EnrolmentReply = {
      hostUuid: body.hostUuid,
      certificate,
      ca: pki.ca.certificatePem,
      managerName: MANAGER_NAME,
    };
    return { status: 200, reply: options.tamper?.(reply) ?? reply };
  }

  const server = createServer(
    // The authority's certificate is sent along: that is what the token's fingerprint is compared with.
    { key: identity.key, cert: `${identity.cert}\n${pki.ca.certificatePem}` },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
        const known = request.method === "POST" && request.url === ENROLMENT_PATH;
        const answer = known ? enrol(body) : Promise.resolve({ status: 404, reply: {} });
        answer
          .then(({ status, reply }) => response.writeHead(status).end(JSON.stringify(reply)))
          .catch((error: unknown) =>
            response.writeHead(500).end(JSON.stringify({ errorDes: String(error) })),
          );
      });
    },
  );
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port, // a TCP server that listens has an address of this kind
    requests,
    token() {
      const { token, id, secretHash } = makeJoinToken({ caPem: pki.ca.certificatePem });
      hashes.set(id, secretHash);
      return token;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
