import { type AgentServer, serveAgent } from "@sinter/agent-link/agent-side";
import { type Log, systemClock } from "@sinter/kit";
import { type Agent, composeAgent } from "./compose.ts";
import type { AgentConfig } from "./config.ts";
import { type Identity, identityStamp, readIdentity } from "./identity/identity-store.ts";

export interface RunningAgent extends AsyncDisposable {
  readonly agent: Agent;
  readonly port: number;
}

const LOOK_MS = 1_000;
const ADDRESS_RETRY_MS = 1_000;
/** Calls in flight get this long when the agent is asked to end. */
const GRACE_MS = 1_500;

/** An agent of this identity and its server. Rejects with the signal's reason when stopped before it serves. */
export async function startAgent(options: {
  readonly config: AgentConfig;
  readonly identity: Identity;
  readonly signal: AbortSignal;
  readonly log: Log;
}): Promise<RunningAgent> {
  const { config, identity, signal, log } = options;
  await using parts = new AsyncDisposableStack();
  let server: AgentServer | undefined;
  const agent = parts.use(
    await composeAgent({ config, identity, onRenewed: () => server?.reloadTls(), log }),
  );
  const host = config.listenAddress ?? identity.address;
  server = await listening({ log, host, port: config.port, signal }, () =>
    serveAgent({
      api: agent.api,
      events: agent.events,
      openConsole: agent.openConsole,
      openScreen: agent.openScreen,
      openMedia: agent.openMedia,
      host,
      port: config.port,
      tls: () => {
        const { key, certificate, ca } = agent.identity();
        return { key, cert: certificate, ca };
      },
      managerName: identity.managerName,
      metrics: () => agent.metrics.text(),
      log,
    }),
  );
  const { port } = server;
  const opened = server;
  // Before the agent's own parts, so that no call meets half of them.
  parts.defer(() => opened.close(GRACE_MS));
  log.info({ hostUuid: identity.hostUuid, address: host, port }, "the agent serves");
  const owned = parts.move();
  return { agent, port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/**
 * Serves until the signal: waits for the host to join, and takes over a new identity when it joins again. Running VMs
 * are never touched by its start or its end.
 */
export async function runAgent(config: AgentConfig, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const identity = await untilJoined(config.stateDir, log, signal);
    if (identity === undefined) return;
    await using running = await startAgent({ config, identity, signal, log });
    await untilReplaced(config.stateDir, running.agent, signal);
    if (!signal.aborted) log.info("this host has joined anew; serving with the new identity");
  }
}

async function untilJoined(stateDir: string, log: Log, signal: AbortSignal): Promise<Identity | undefined> {
  for (let told = false; !signal.aborted; told = true) {
    const identity = await readIdentity(stateDir);
    if (identity !== undefined) return identity;
    if (!told) log.info("this host has not joined a manager; waiting for `sinter-agent join`");
    await pause(LOOK_MS, signal);
  }
  return undefined;
}

async function untilReplaced(stateDir: string, agent: Agent, signal: AbortSignal): Promise<void> {
  let stamp = await identityStamp(stateDir);
  while (!signal.aborted) {
    await pause(LOOK_MS, signal);
    const now = await identityStamp(stateDir);
    if (now === stamp || now === "") continue;
    stamp = now;
    const identity = await readIdentity(stateDir);
    // A rotation writes the file as well, and that is in force already.
    if (identity !== undefined && identity.certificate !== agent.identity().certificate) return;
  }
}

/** The management address may come up later than the agent. */
async function listening(
  options: { log: Log; host: string; port: number; signal: AbortSignal },
  listen: () => Promise<AgentServer>,
): Promise<AgentServer> {
  const { log, host, port, signal } = options;
  for (let told = false; ; told = true) {
    try {
      return await listen();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EADDRNOTAVAIL" && code !== "EADDRINUSE") throw error;
      if (!told) log.warn({ host, port, code }, "cannot listen yet; trying again");
      await systemClock.sleep(ADDRESS_RETRY_MS, signal);
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await systemClock.sleep(ms, signal).catch(() => {}); // the callers' loops look at the signal
}
