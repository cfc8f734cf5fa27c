import type { DomainXml } from "@sinter/libvirt";

/**
 * Carries the places of devices over from the definition that a new one replaces. libvirt numbers slots anew for a
 * definition without addresses, and a guest that knows its NIC as enp3s0 would find it gone after a disk was removed.
 * Another machine type has other buses: then nothing is carried over.
 */
export function keepAddresses(next: DomainXml, before: DomainXml): DomainXml {
  if (family(next) !== family(before)) return next;
  const devices = next.devices ?? {};
  const old = before.devices ?? {};
  return {
    ...next,
    devices: {
      ...devices,
      controllers: keepControllers(devices.controllers ?? [], old.controllers ?? []),
      disks: (devices.disks ?? []).map((disk) =>
        disk.address
          ? disk
          : withAddress(
              disk,
              old.disks?.find(
                ({ target }) => target.dev === disk.target.dev && target.bus === disk.target.bus,
              ),
            ),
      ),
      interfaces: (devices.interfaces ?? []).map((nic) =>
        withAddress(
          nic,
          old.interfaces?.find(({ mac }) => mac?.address === nic.mac?.address),
        ),
      ),
      videos: (devices.videos ?? []).map((video, index) => withAddress(video, old.videos?.[index])),
      rngs: (devices.rngs ?? []).map((rng, index) => withAddress(rng, old.rngs?.[index])),
      memoryBalloon: devices.memoryBalloon && withAddress(devices.memoryBalloon, old.memoryBalloon),
    },
  };
}

type Controllers = NonNullable<NonNullable<DomainXml["devices"]>["controllers"]>;

/** All PCI controllers stay, with their numbers; of those newly wanted only numbers beyond them are added. */
function keepControllers(next: Controllers, old: Controllers): Controllers {
  const oldPci = old.filter(({ type }) => type === "pci");
  const oldNumbers = new Set(oldPci.map(({ index }) => index));
  const newPci = next.filter(({ type, index }) => type === "pci" && !oldNumbers.has(index));
  const others = next
    .filter(({ type }) => type !== "pci")
    .map((controller) =>
      withAddress(
        controller,
        old.find(
          ({ type, index, model }) =>
            type === controller.type && index === controller.index && model === controller.model,
        ),
      ),
    );
  // libvirt's own additions, in the same places as before.
  const added = old.filter(({ type }) => type === "virtio-serial" || type === "sata");
  return [...others, ...added, ...oldPci, ...newPci];
}

function withAddress<T extends { address?: DeviceAddress | undefined }>(device: T, before: T | undefined): T {
  return before?.address?.type === "pci" ? { ...device, address: before.address } : device;
}

type DeviceAddress = NonNullable<Controllers[number]["address"]>;

/** "pc-q35-7.2" and "q35" are one kind of machine. */
function family({ os }: DomainXml): string {
  const machine = os.type.machine ?? "";
  if (machine.includes("q35")) return "q35";
  return machine.startsWith("virt") ? "virt" : "pc";
}
