import { common } from "./common.ts";
import { monitor } from "./monitor.ts";
import { session } from "./session.ts";
import { shell } from "./shell.ts";
import { task } from "./task.ts";
import { host } from "./host.ts";
import { object } from "./object.ts";
import { overview } from "./overview.ts";
import { vm } from "./vm.ts";
import { createVm } from "./create-vm.ts";
import { snapshot } from "./snapshot.ts";
import { media } from "./media.ts";
import { storage } from "./storage.ts";
import { network } from "./network.ts";
import { site } from "./site.ts";
import { console } from "./console.ts";
import { user } from "./user.ts";

export const zh = {
  common,
  monitor,
  session,
  shell,
  task,
  host,
  object,
  overview,
  vm,
  createVm,
  snapshot,
  media,
  storage,
  network,
  site,
  console,
  user,
};
