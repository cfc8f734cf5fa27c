import { AppError, type Log } from "@sinter/kit";
import { joinSocket } from "../http/socket-pipe.ts";
import type { Upgrades } from "../http/upgrades.ts";
import { vmIdFrom } from "./vm-filter.ts";
import type { VmService } from "./vm.service.ts";

/** More than anybody types or pastes at once. */
const MESSAGE_BYTES_MAX = 64 * 1024;

/** A VM's serial line as a WebSocket: binary messages are its bytes, both ways. */
export function registerConsoles(upgrades: Upgrades, { vms, log }: { vms: VmService; log: Log }): void {
  upgrades.register({
    path: "/sinter/v1/vms/:vmId/console",
    access: "operate",
    messageBytesMax: MESSAGE_BYTES_MAX,
    open: async ({ params, actor, onGone }) => {
      const vmId = vmIdFrom(params.vmId ?? "");
      if (vmId === undefined) throw new AppError("notFound", "PATH_UNKNOWN", "There is no such console.");
      const line = await vms.openConsole(vmId);
      onGone(() => line.destroy());
      log.info({ vmId, user: actor.userName }, "serial console opened");
      return (client) => joinSocket(client, line);
    },
  });
}
