import { common } from "./common.ts";
import { monitor } from "./monitor.ts";
import { session } from "./session.ts";
import { shell } from "./shell.ts";
import { task } from "./task.ts";

export const en = { common, monitor, session, shell, task };
