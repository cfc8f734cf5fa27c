import type { Cli } from "../command.ts";
import { failures } from "../failures.ts";
import { clean } from "../output/text.ts";
import { confirm } from "./prompt.ts";

/** Asks before something that cannot be taken back. Throws REFUSED unless the answer is yes. */
export async function confirmed(cli: Cli, isAgreed: boolean, question: string): Promise<void> {
  if (isAgreed) return;
  if (!(await confirm(cli.terminal, clean(question), "Agree beforehand with --yes.")))
    throw failures.refused();
}
