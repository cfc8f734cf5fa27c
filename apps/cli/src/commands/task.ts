import type { TaskQuery } from "@sinter/client";
import type { WireTask } from "@sinter/northbound";
import type { Argv } from "yargs";
import { command, group } from "../command.ts";
import { followTask } from "../follow-task.ts";
import { choiceOption, countOption, requiredArgument, textOption } from "../input/options.ts";
import { findTask, findVm, idOf } from "../lookup.ts";
import { stateStyle } from "../output/paint.ts";
import { section } from "../output/printer.ts";
import type { Column } from "../output/table.ts";

const columns: readonly Column<WireTask>[] = [
  { head: "ID", value: idOf },
  { head: "TYPE", value: (task) => task.type },
  { head: "OBJECT", value: (task) => task.entityName },
  {
    head: "STATUS",
    value: (task) => (task.cancelled && task.status === "failed" ? "cancelled" : task.status),
    style: stateStyle,
  },
  { head: "PROGRESS", value: (task) => `${task.progress} %`, isNumber: true },
  { head: "BEGUN", value: (task) => timeText(task.startTime) },
  { head: "USER", value: (task) => task.user },
  { head: "REASON", value: (task) => task.reasonDes },
];

const STATUSES = ["waiting", "running", "success", "failed", "cancelling"] as const;
const LIST_LENGTH = 20;

function taskPositional(yargs: Argv) {
  return yargs.positional("task", requiredArgument("Id or URN"));
}

const list = command({
  command: "ls",
  describe: "List tasks, newest first",
  builder: (yargs) =>
    yargs
      .option("vm", textOption("Only tasks of this VM"))
      .option("status", choiceOption("Only this status", STATUSES))
      .option("user", textOption("Only tasks of this user"))
      .option("limit", countOption(`How many; default ${LIST_LENGTH}`, { min: 1, max: 100_000 })),
  async run(args, cli) {
    const client = await cli.client();
    const vm = args.vm === undefined ? undefined : await findVm(client, args.vm);
    const query: TaskQuery = {
      ...(vm === undefined ? {} : { scope: vm.urn }),
      ...(args.status === undefined ? {} : { status: args.status }),
      ...(args.user === undefined ? {} : { user: args.user }),
    };
    const limit = args.limit ?? LIST_LENGTH;
    const tasks: WireTask[] = [];
    for await (const task of client.tasks.iterate(query)) {
      tasks.push(task);
      if (tasks.length >= limit) break;
    }
    cli.printer.list(tasks, columns);
  },
});

const show = command({
  command: "show <task>",
  describe: "Show one task with its steps",
  builder: taskPositional,
  async run(args, cli) {
    const client = await cli.client();
    const task = await findTask(client, args.task);
    if (cli.printer.isJson) return cli.printer.sheet(task, []);
    const { steps } = await client.tasks.getWithSteps(task);
    cli.printer.sheet(
      task,
      [
        ["Id", idOf(task)],
        ["Type", task.type],
        ["Object", [task.entityName, task.entityUrn].filter(Boolean).join(", ")],
        ["Status", `${task.status}, ${task.progress} %${task.cancelled ? ", cancelled" : ""}`],
        ["Reason", [task.reasonDes, task.reason === "" ? "" : `(${task.reason})`].filter(Boolean).join(" ")],
        ["Begun", timeText(task.startTime)],
        ["Ended", timeText(task.finishTime)],
        ["User", task.user],
        ["May be cancelled", task.cancelable ? "yes" : "no"],
      ],
      [
        section(cli.printer, "Steps", steps, [
          { head: "STEP", value: (step) => step.name },
          { head: "STATE", value: (step) => step.state },
          { head: "TRIES", value: (step) => step.attempts, isNumber: true },
          { head: "BEGUN", value: (step) => timeText(step.startedAt) },
          { head: "ENDED", value: (step) => timeText(step.endedAt) },
          { head: "SAYS", value: (step) => step.message },
        ]),
      ],
    );
  },
});

const watch = command({
  command: "watch <task>",
  describe: "Follow a task to its end",
  builder: taskPositional,
  async run(args, cli) {
    const client = await cli.client();
    const { uri } = await findTask(client, args.task);
    const task = await followTask(cli, client, uri);
    cli.printer.done(`Task ${idOf(task)} (${task.type} ${task.entityName}) has succeeded.`, task);
  },
});

const cancel = command({
  command: "cancel <task>",
  describe: "Cancel a task; what it did is taken back",
  builder: taskPositional,
  async run(args, cli) {
    const client = await cli.client();
    const task = await findTask(client, args.task);
    await client.tasks.cancel(task);
    const id = idOf(task);
    cli.printer.done(
      `Task ${id} is being cancelled. Watch it: sinter task watch ${id}`,
      cli.printer.isJson ? await client.tasks.get(task) : undefined,
    );
  },
});

/** Epoch milliseconds as text, in the time zone of whoever looks. */
function timeText(millis: string): string {
  if (millis === "") return "";
  const at = new Date(Number(millis));
  return Number.isNaN(at.getTime()) ? millis : at.toLocaleString("sv-SE");
}

export const task = group("task", "Operations that go on by themselves", [list, show, watch, cancel]);
