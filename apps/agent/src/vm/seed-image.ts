import type { GuestSeed } from "@sinter/southbound";
import { buildIso } from "./iso9660.ts";
import { toYaml, type YamlValue } from "./yaml.ts";

/** cloud-init's NoCloud medium: a volume called "cidata" with meta-data, user-data and network-config. */
export function buildSeed(vmUuid: string, seed: GuestSeed): Buffer {
  const files = {
    // The same instance for ever: a guest takes first-boot settings once.
    "meta-data": toYaml({
      "instance-id": vmUuid,
      ...(seed.hostname === null ? {} : { "local-hostname": seed.hostname }),
    }),
    "user-data": seed.userData ?? `#cloud-config\n${toYaml(userData(seed))}`,
    ...(seed.nics.length === 0 ? {} : { "network-config": toYaml(networkConfig(seed)) }),
  };
  return buildIso(
    "cidata",
    Object.entries(files).map(([name, text]) => ({ name, content: Buffer.from(text, "utf8") })),
  );
}

function userData(seed: GuestSeed): Record<string, YamlValue> {
  return {
    ...(seed.hostname === null ? {} : { hostname: seed.hostname }),
    ...(seed.password === null
      ? {}
      : { password: seed.password, chpasswd: { expire: false }, ssh_pwauth: true, disable_root: false }),
    ...(seed.sshKeys.length === 0 ? {} : { ssh_authorized_keys: [...seed.sshKeys] }),
  };
}

function networkConfig(seed: GuestSeed): Record<string, YamlValue> {
  const ethernets = seed.nics.map((nic, index): [string, YamlValue] => [
    `nic${index}`,
    {
      match: { macaddress: nic.mac },
      ...(nic.address === null ? { dhcp4: true } : { dhcp4: false, addresses: [nic.address] }),
      ...(nic.gateway === null ? {} : { [nic.gateway.includes(":") ? "gateway6" : "gateway4"]: nic.gateway }),
      ...(nic.dns.length === 0 ? {} : { nameservers: { addresses: [...nic.dns] } }),
    },
  ]);
  return { version: 2, ethernets: Object.fromEntries(ethernets) };
}
