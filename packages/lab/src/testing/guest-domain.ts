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
  readonly mac?: string;
  /** Inside the host: a NoCloud volume, put into a CD-ROM drive. */
  readonly seed?: string;
  /** Inside the host: a socket to be the other end of the serial console. */
  readonly serialSocket?: string;
}

/**
 * Gives a host a VM from the guest image, defined and not started, with room to plug in a CPU and memory. Its serial
 * console goes to DIRECTORY/NAME.log, also when there is a socket.
 */
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

function domainXml(guest: GuestDomain, disk: string): string {
  const log = `${guest.directory}/${guest.name}.log`;
  return `<domain type='qemu'><name>${guest.name}</name>
  <maxMemory slots='2' unit='MiB'>1024</maxMemory><memory unit='MiB'>192</memory>
  <vcpu current='1'>2</vcpu>
  <cpu><numa><cell id='0' cpus='0-1' memory='192' unit='MiB'/></numa></cpu>
  <os><type arch='x86_64' machine='q35'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/></features>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${disk}'/>
      <target dev='vda' bus='virtio'/></disk>
    <controller type='scsi' model='virtio-scsi'/>
    <controller type='pci' index='0' model='pcie-root'/>
    ${"<controller type='pci' model='pcie-root-port'/>".repeat(12)}
    ${guest.seed === undefined ? "" : cdrom(guest.seed)}
    ${guest.bridge === undefined ? "" : nicXml(guest.bridge, guest.mac)}
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    ${guest.serialSocket === undefined ? serialFile(log) : serialSocket(guest.serialSocket, log)}
    <video><model type='vga'/></video>
    <memballoon model='virtio'/>
  </devices></domain>`;
}

export function nicXml(bridge: string, mac?: string, vlanId?: number): string {
  return `<interface type='bridge'><source bridge='${bridge}'/>
      ${mac === undefined ? "" : `<mac address='${mac}'/>`}
      <virtualport type='openvswitch'><parameters interfaceid='${randomUUID()}'/></virtualport>
      ${vlanId === undefined ? "" : `<vlan><tag id='${vlanId}'/></vlan>`}
      <model type='virtio'/><rom enabled='no'/></interface>`;
}

function cdrom(path: string): string {
  return `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='${path}'/>
      <target dev='sda' bus='scsi'/><readonly/></disk>`;
}

const serialFile = (log: string): string => `<serial type='file'><source path='${log}'/></serial>`;

function serialSocket(path: string, log: string): string {
  return `<serial type='unix'><source mode='bind' path='${path}'/><log file='${log}' append='on'/></serial>`;
}
