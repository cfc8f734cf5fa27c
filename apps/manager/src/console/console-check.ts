import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { AppError } from "@sinter/kit";
import { type ConsoleCheck, vmWireId } from "@sinter/northbound";
import { Viewer } from "@sinter/rfb";
import type { VmService } from "../compute/index.ts";
import type { Fleet } from "../fleet/index.ts";
import type { ConsoleProxy } from "./console-proxy.ts";

/** QEMU greets within milliseconds; who waits longer than this sees a black window. */
const SCREEN_MS_MAX = 8_000;

/** Goes the way of a console from here to the VM's screen and says of each link whether it holds (CON-07, CON-08). */
export function createConsoleCheck(parts: {
  readonly vms: Pick<VmService, "get" | "findConsole">;
  readonly fleet: Fleet;
  readonly proxy: Pick<ConsoleProxy, "ports">;
}) {
  const { vms, fleet, proxy } = parts;

  return async function check(vmId: number): Promise<ConsoleCheck> {
    const links: ConsoleCheck["links"] = [];
    const name = vmWireId(vmId);
    /** Adds the link; false when it fails, and then nothing beyond it can be said. */
    const holds = async (link: string, look: () => Promise<string>): Promise<boolean> => {
      try {
        links.push({ link, isOk: true, message: await look() });
        return true;
      } catch (error) {
        links.push({ link, isOk: false, message: wordsOf(error) });
        return false;
      }
    };

    const { vm } = await vms.get(vmId);
    const isWorking =
      (await holds("vm", async () => {
        await vms.findConsole(vmId);
        return `VM ${name} is ${vm.state}.`;
      })) &&
      (await holds("host", async () => {
        if (vm.hostId === null || !fleet.isConnected(vm.hostId))
          throw new Error(`The host of VM ${name} is not connected.`);
        return "Its host is connected.";
      })) &&
      (await holds("agent", async () => {
        const seen = await fleet.agent(vm.hostId ?? 0).getVm({ vmUuid: vm.uuid });
        if (seen.power !== "running" && seen.power !== "paused")
          throw new Error(`The agent answers, and says that the VM is ${seen.power}.`);
        return "The agent answers, and sees the VM running.";
      })) &&
      (await holds("target", async () => {
        const seen = await fleet.agent(vm.hostId ?? 0).getVm({ vmUuid: vm.uuid });
        if (seen.domainName !== name)
          throw new Error(`A ticket for ${name} would lead to ${seen.domainName} on the host.`);
        const stored = (await vms.get(vmId)).vm.vnc;
        if (!isDeepStrictEqual(seen.vnc, stored))
          throw new Error(
            `The port for VNC clients is ${endpoint(stored)} here and ${endpoint(seen.vnc)} on the host; it is read again within a minute.`,
          );
        return `A ticket leads to the VM that the host calls ${seen.domainName}.`;
      })) &&
      (await holds("screen", async () => {
        const password = randomBytes(6).toString("base64url");
        const signal = AbortSignal.timeout(SCREEN_MS_MAX);
        const stream = await fleet.agent(vm.hostId ?? 0).openScreen(vm.uuid, password);
        using viewer = await Viewer.open(stream, { password, signal });
        return `QEMU shows ${viewer.size.width} × ${viewer.size.height} pixels.`;
      }));
    const { served, missing } = proxy.ports();
    links.push({
      link: "proxy",
      isOk: missing.length === 0,
      message:
        missing.length === 0
          ? `Consoles are served at port ${served.join(" and ")}.`
          : `Port ${missing.join(" and ")} cannot be had here; consoles are served at the API's port.`,
    });
    return { isWorking, links };
  };
}

function endpoint(at: { host: string; port: number } | null): string {
  return at === null ? "closed" : `${at.host}:${at.port}`;
}

/** Our own failures are for people to read; of others no more than that is told. */
function wordsOf(error: unknown): string {
  if (error instanceof AppError && error.kind === "internal") return "It failed; the manager's log says why.";
  return error instanceof Error ? error.message : String(error);
}
