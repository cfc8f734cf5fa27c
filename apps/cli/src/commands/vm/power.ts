import type { Client, PowerMode } from "@sinter/client";
import type { TaskAnswer, WireVm } from "@sinter/northbound";
import { type Command, command } from "../../command.ts";
import { finishTask } from "../../follow-task.ts";
import { flagOption, waitOption } from "../../input/options.ts";
import { findVm } from "../../lookup.ts";
import { vmPositional } from "./vm-argument.ts";

interface PowerVerb {
  readonly verb: string;
  readonly describe: string;
  readonly done: string;
  readonly act: (client: Client, vm: WireVm) => Promise<TaskAnswer>;
}

/** Verbs without a choice. */
const VERBS: readonly PowerVerb[] = [
  {
    verb: "start",
    describe: "Start a VM, or wake a hibernated one",
    done: "is running",
    act: (client, vm) => client.vms.start(vm),
  },
  {
    verb: "suspend",
    describe: "Hold a running VM; its memory stays on the host",
    done: "is suspended",
    act: (client, vm) => client.vms.pause(vm),
  },
  {
    verb: "resume",
    describe: "Go on with a suspended VM",
    done: "is running",
    act: (client, vm) => client.vms.resume(vm),
  },
  {
    verb: "hibernate",
    describe: "Save a running VM's memory to disk and free its host",
    done: "is hibernated",
    act: (client, vm) => client.vms.hibernate(vm),
  },
];

/** Verbs that ask the guest, or with `--force` do not. */
const FORCEFUL_VERBS = [
  {
    verb: "stop",
    describe: "Shut the guest down; --force pulls the plug",
    done: "is stopped",
    act: (client: Client, vm: WireVm, mode: PowerMode) => client.vms.stop(vm, mode),
  },
  {
    verb: "reboot",
    describe: "Restart the guest; --force resets the VM",
    done: "was restarted",
    act: (client: Client, vm: WireVm, mode: PowerMode) => client.vms.reboot(vm, mode),
  },
] as const;

const simple = VERBS.map(
  ({ verb, describe, done, act }): Command =>
    command({
      command: `${verb} <vm>`,
      describe,
      builder: (yargs) => vmPositional(yargs).options(waitOption),
      async run(args, cli) {
        const client = await cli.client();
        const vm = await findVm(client, args.vm);
        const answer = await act(client, vm);
        await finishTask(cli, client, answer, { wait: args.wait, sentence: `VM ${vm.name} ${done}.` });
      },
    }),
);

const forceful = FORCEFUL_VERBS.map(
  ({ verb, describe, done, act }): Command =>
    command({
      command: `${verb} <vm>`,
      describe,
      builder: (yargs) =>
        vmPositional(yargs).options(waitOption).option("force", flagOption("Do not ask the guest")),
      async run(args, cli) {
        const client = await cli.client();
        const vm = await findVm(client, args.vm);
        const answer = await act(client, vm, args.force ? "force" : "safe");
        await finishTask(cli, client, answer, { wait: args.wait, sentence: `VM ${vm.name} ${done}.` });
      },
    }),
);

export const vmPower: readonly Command[] = [...simple, ...forceful];
