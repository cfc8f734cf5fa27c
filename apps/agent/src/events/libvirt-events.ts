import type { Log } from "@sinter/kit";
import type { DomainEventName } from "@sinter/libvirt";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import type { DomainReader } from "../vm/domain-reader.ts";
import type { GuestWatch } from "../vm/guest-watch.ts";
import type { EventHub } from "./event-hub.ts";

/** Whatever of these happens to a domain, the manager shall look at it again. */
const WATCHED = [
  "domainLifecycle",
  "domainReboot",
  "domainIoError",
  "domainControlError",
  "domainDeviceAdded",
  "domainDeviceRemoved",
  "domainBlockJob",
  "domainJobCompleted",
] as const satisfies readonly DomainEventName[];

/** Carries libvirt's events into the hub. After libvirtd was away everything is said to have changed. */
export async function followLibvirt(options: {
  readonly libvirt: LibvirtLink;
  readonly reader: DomainReader;
  readonly hub: EventHub;
  readonly guests: GuestWatch;
  readonly log: Log;
}): Promise<Disposable> {
  const { libvirt, reader, hub, guests, log } = options;
  const { reads } = libvirt;

  const lookAtAll = async (): Promise<void> => {
    hub.emit({ type: "hostChanged" });
    for (const { uuid } of await reader.list()) hub.vmChanged(uuid);
  };
  const connected = reads.onConnected(() => {
    lookAtAll().catch((error: unknown) => log.warn({ err: error }, "could not read the VMs from libvirtd"));
  });
  const lost = reads.onLost(() => hub.emit({ type: "hostChanged" }));

  await reads.on("domainLifecycle", ({ domain, event, detail }) => {
    log.info({ vmUuid: domain.uuid, event, detail }, "libvirt: the VM changed");
    if (event === "stopped" || event === "undefined" || event === "started") guests.forget(domain.uuid);
  });
  await reads.on("domainIoError", ({ domain, sourcePath, reason }) => {
    log.warn({ vmUuid: domain.uuid, path: sourcePath, reason }, "libvirt: a disk failed");
  });
  await reads.on("domainAgentLifecycle", ({ domain, state }) => {
    guests.agentChanged(domain.uuid, state === "connected");
  });
  for (const name of WATCHED) await reads.on(name, ({ domain }) => hub.vmChanged(domain.uuid));

  return {
    [Symbol.dispose]: () => {
      connected[Symbol.dispose]();
      lost[Symbol.dispose]();
    },
  };
}
