import { common } from "./common.ts";
import { session } from "./session.ts";
import { shell } from "./shell.ts";
import { task } from "./task.ts";

export const zh = { common, session, shell, task };
