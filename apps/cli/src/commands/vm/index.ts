import { group } from "../../command.ts";
import { vmAttachIso, vmDetachIso } from "./cd.ts";
import { vmClone } from "./clone.ts";
import { vmConsole } from "./console.ts";
import { vmCreate } from "./create.ts";
import { vmLeases } from "./leases.ts";
import { vmList } from "./list.ts";
import { vmNic } from "./nic.ts";
import { vmPower } from "./power.ts";
import { vmRemove } from "./remove.ts";
import { vmRename, vmSet } from "./set.ts";
import { vmScreen } from "./screen.ts";
import { vmShow } from "./show.ts";
import { vmSnapshot } from "./snapshot.ts";
import { vmVnc } from "./vnc.ts";

export const vm = group("vm", "Virtual machines and templates", [
  vmList,
  vmShow,
  vmLeases,
  vmCreate,
  vmClone,
  ...vmPower,
  vmSet,
  vmRename,
  vmRemove,
  vmConsole,
  vmScreen,
  vmVnc,
  vmNic,
  vmSnapshot,
  vmAttachIso,
  vmDetachIso,
]);
