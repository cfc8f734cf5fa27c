import type { AgentApi, CallContext, CallName } from "@sinter/southbound";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { AppError } from "@sinter/kit";
import type { GuardOutcome } from "@sinter/rfb";
import { powerOf, type SeenDomain } from "./vm/vm-observation.ts";

type AnyCall = (input: never, context: CallContext) => Promise<unknown>;

export interface Metrics {
  /** The same calls, counted and timed. */
  measured(api: AgentApi): AgentApi;
  /** How somebody fared who wanted to see a screen. */
  countScreen(way: "stream" | "gate", outcome: GuardOutcome): void;
  /** Text of `GET /metrics`. */
  text(): Promise<{ contentType: string; body: string }>;
}

/** Prometheus figures of this agent; each has its own registry, since tests run several in one process. */
export function createMetrics(options: { readonly listVms: () => Promise<readonly SeenDomain[]> }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "sinter_agent_" });
  const calls = new Counter({
    name: "sinter_agent_calls_total",
    help: "Calls of the manager, by name and by the code of their failure (ok: none).",
    labelNames: ["call", "outcome"] as const,
    registers: [registry],
  });
  const seconds = new Histogram({
    name: "sinter_agent_call_seconds",
    help: "How long calls took.",
    labelNames: ["call"] as const,
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  });
  const vms = new Gauge({
    name: "sinter_agent_vms",
    help: "VMs on this host by power.",
    labelNames: ["power"] as const,
    registers: [registry],
    async collect() {
      this.reset();
      // While libvirtd is away there is nothing to count; the other figures are still of use.
      for (const seen of await options.listVms().catch(() => [])) this.inc({ power: powerOf(seen) });
    },
  });
  registry.registerMetric(vms);
  const screens = new Counter({
    name: "sinter_agent_screen_viewers_total",
    help: "Viewers of screens, by way (stream: through the manager, gate: a VNC client) and outcome.",
    labelNames: ["way", "outcome"] as const,
    registers: [registry],
  });

  function measure(name: CallName, call: AnyCall): AnyCall {
    return async (input, context) => {
      const end = seconds.startTimer({ call: name });
      let outcome = "ok";
      try {
        return await call(input, context);
      } catch (error) {
        outcome = error instanceof AppError ? error.code : "INTERNAL";
        throw error;
      } finally {
        end();
        calls.inc({ call: name, outcome });
      }
    };
  }

  return {
    measured(api) {
      const names = Object.keys(api) as CallName[]; // Object.keys forgets the key type
      const entries = names.map((name) => [name, measure(name, api[name] as AnyCall)]);
      return Object.fromEntries(entries) as AgentApi; // the same names, each with the same call inside
    },
    countScreen: (way, outcome) => screens.inc({ way, outcome }),
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}
