import assert from "node:assert/strict";
import { AppError, waitFor } from "@sinter/kit";
import {
  type AgentEvent,
  type AgentPort,
  type CallName,
  type CallOptions,
  type SouthboundErrorCode,
  SOUTHBOUND_ERRORS,
  type SwitchSpec,
  type VmObservation,
  type VmSpec,
  type VolumeSpec,
} from "@sinter/southbound";
import { CALL_NAMES, replyFaults } from "../../call-input.ts";
import type { AgentClient } from "../../client.ts";
import { randomSafeId, sampleSwitch, sampleVm, sampleVolume } from "../samples.ts";

/** What the suite needs of an agent. */
export interface AgentUnderTest {
  readonly port: AgentPort &
    Pick<AgentClient, "openConsole" | "openScreen" | "openMedia"> & {
      events(signal: AbortSignal): AsyncIterable<AgentEvent>;
    };
  /** Of the guests that this host can run; default x86_64. */
  readonly architecture?: "x86_64" | "aarch64";
  /** Two different, existing, writable, empty directories of the host, each with some 200 MiB free. */
  readonly datastorePaths: readonly [string, string];
  /** Puts an image of that size into the `images` folder of a datastore that is in use. */
  readonly createImage: (image: {
    datastoreId: string;
    datastorePath: string;
    name: string;
    virtualSizeBytes: number;
  }) => Promise<void>;
  readonly traits: {
    /**
     * Guests run a system with a guest agent that obeys a request to stop and lets go of devices. False: the disks
     * are empty and the firmware waits for ever; what depends on the guest is then expected to fail as the contract says.
     */
    readonly guestAgent: boolean;
    /** An open gate can be connected to from here; false: it is only told of. */
    readonly gates: boolean;
  };
  dispose(): Promise<void>;
}

/** Software emulation on a loaded machine is slow; a healthy agent needs a fraction of it. */
const SETTLE_MS_MAX = 60_000;

/** The agent of one suite, with helpers that make objects and take them away again. */
export class AgentBench {
  #agent: AgentUnderTest | undefined;
  #port: AgentPort | undefined;
  readonly datastoreId = randomSafeId();
  readonly otherDatastoreId = randomSafeId();

  use(agent: AgentUnderTest): void {
    this.#agent = agent;
    this.#port = checkingReplies(agent.port);
  }

  async prepare(): Promise<void> {
    const [first, second] = this.agent.datastorePaths;
    await this.port.ensureDatastore({ datastoreId: this.datastoreId, path: first, shared: false });
    await this.port.ensureDatastore({ datastoreId: this.otherDatastoreId, path: second, shared: false });
  }

  async dispose(): Promise<void> {
    await this.#agent?.dispose();
  }

  get agent(): AgentUnderTest {
    assert.ok(this.#agent, "the agent under test was not made");
    return this.#agent;
  }

  /** Each reply through it is checked against its schema. */
  get port(): AgentPort {
    assert.ok(this.#port, "the agent under test was not made");
    return this.#port;
  }

  spec(changes: Partial<VmSpec> = {}): VmSpec {
    return sampleVm({ architecture: this.agent.architecture ?? "x86_64", ...changes });
  }

  volumeSpec(changes: Partial<VolumeSpec> = {}): VolumeSpec {
    return sampleVolume({ datastoreId: this.datastoreId, ...changes });
  }

  /** A defined VM, removed when the scope ends. */
  async vm(changes: Partial<VmSpec> = {}): Promise<VmSpec & AsyncDisposable> {
    const spec = this.spec(changes);
    await this.port.defineVm(spec);
    return disposing(spec, () => this.port.removeVm({ vmUuid: spec.vmUuid, force: true }));
  }

  /** A running VM, removed when the scope ends. */
  async runningVm(changes: Partial<VmSpec> = {}): Promise<VmSpec & AsyncDisposable> {
    const vm = await this.vm(changes);
    try {
      await this.port.startVm({ vmUuid: vm.vmUuid });
    } catch (error) {
      await vm[Symbol.asyncDispose]();
      throw error;
    }
    return vm;
  }

  /** A volume, removed when the scope ends: declare it before the VM that uses it. */
  async volume(changes: Partial<VolumeSpec> = {}): Promise<VolumeSpec & AsyncDisposable> {
    const spec = this.volumeSpec(changes);
    await this.port.ensureVolume(spec);
    return disposing(spec, () => this.port.removeVolume(spec));
  }

  /** A switch without uplinks, removed when the scope ends: declare it before the VM that uses it. */
  async switch(changes: Partial<SwitchSpec> = {}): Promise<SwitchSpec & AsyncDisposable> {
    const spec = sampleSwitch(changes);
    await this.port.ensureSwitch(spec);
    return disposing(spec, () => this.port.removeSwitch({ switchId: spec.switchId }));
  }

  async power(vmUuid: string): Promise<VmObservation["power"]> {
    return (await this.port.getVm({ vmUuid })).power;
  }

  /** Asks until the answer is not undefined. */
  async eventually<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
    return waitFor(what, probe, { timeoutMs: SETTLE_MS_MAX, intervalMs: 50 });
  }
}

/** The call must fail with this code and its kind of the table. */
export async function expectCode(call: Promise<unknown>, code: SouthboundErrorCode): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof AppError, `${String(error)} is no AppError`);
    assert.equal(`${error.kind} ${error.code}`, `${SOUTHBOUND_ERRORS[code]} ${code}`, error.message);
    assert.notEqual(error.message, "");
    return true;
  });
}

function disposing<T extends object>(value: T, remove: () => Promise<unknown>): T & AsyncDisposable {
  return {
    ...value,
    [Symbol.asyncDispose]: async () => {
      await remove();
    },
  };
}

function checkingReplies(port: AgentPort): AgentPort {
  const check = (name: CallName) => {
    // One function for all calls: the table ties input to name, the compiler cannot.
    const call = port[name].bind(port) as (input: unknown, options?: CallOptions) => Promise<unknown>;
    return async (input: unknown, options?: CallOptions) => {
      const reply = await call(input, options);
      assert.deepEqual(replyFaults(name, reply), []);
      return reply;
    };
  };
  return Object.fromEntries(CALL_NAMES.map((name) => [name, check(name)])) as AgentPort; // all calls are there
}
