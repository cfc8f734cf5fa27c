import type { Command } from "../command.ts";
import { cluster } from "./cluster.ts";
import { datastore } from "./datastore.ts";
import { host } from "./host.ts";
import { iso } from "./iso.ts";
import { lab } from "./lab.ts";
import { context } from "./session/context.ts";
import { login } from "./session/login.ts";
import { logout } from "./session/logout.ts";
import { network } from "./network.ts";
import { task } from "./task.ts";
import { user } from "./user.ts";
import { vm } from "./vm/index.ts";
import { volume } from "./volume.ts";

/** In the order of the help. */
export const commands: readonly Command[] = [
  login,
  logout,
  context,
  vm,
  volume,
  host,
  cluster,
  datastore,
  iso,
  ...network,
  task,
  user,
  lab,
];
