import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { GuestImage } from "../guest-image/guest-image.ts";
import type { Lab, LabHost } from "../lab.ts";

export interface GuestDomain {
  readonly name: string;
  /** Inside the host: a directory for the disk, e.g. a datastore. */
  readonly directory: string;
  /** An Open vSwitch bridge of the host. */
  readonly bridge?: string;
  /** Inside the host: a NoCloud volume, put into a CD-ROM drive. */
  readonly seed?: string;
}

/** Gives a host a VM from the guest image, defined and not started, with its serial console in DIRECTORY/NAME.log. */
export async function defineGuest(
  lab: Lab,
  host: LabHost,
  image: GuestImage,
  guest: GuestDomain,
): Promise<void> {
  const disk = `${guest.directory}/${guest.name}.qcow2`;
  await lab.exec(host, "qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", image.path, disk]);
  const xml = `${guest.directory}/${guest.name}.xml`;
  await writeFile(await host.path(xml), domainXml(guest, disk));
  await virsh(lab, host, "define", xml);
}

export async function virsh(lab: Lab, host: LabHost, ...args: string[]): Promise<string> {
  const { stdout } = await lab.exec(host, "virsh", ["--quiet", "--connect", "qemu:///system", ...args]);
  return stdout.trim();
}

function domainXml({ name, directory, bridge, seed }: GuestDomain, disk: string): string {
  const nic = `
    <interface type='bridge'><source bridge='${bridge}'/>
      <virtualport type='openvswitch'><parameters interfaceid='${randomUUID()}'/></virtualport>
      <model type='virtio'/><rom enabled='no'/></interface>`;
  const cdrom = `
    <controller type='scsi' model='virtio-scsi'/>
    <disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='${seed}'/>
      <target dev='sda' bus='scsi'/><readonly/></disk>`;
  return `<domain type='qemu'><name>${name}</name><memory unit='MiB'>192</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/></features>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${disk}'/>
      <target dev='vda' bus='virtio'/></disk>${bridge === undefined ? "" : nic}${seed === undefined ? "" : cdrom}
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <serial type='file'><source path='${directory}/${name}.log'/></serial>
    <memballoon model='virtio'/>
  </devices></domain>`;
}
