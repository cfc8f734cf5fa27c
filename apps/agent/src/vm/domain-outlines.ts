import { createHash } from "node:crypto";
import { type DomainXml, parseDomainXml } from "@sinter/libvirt";
import type { DomainOutline } from "./vm-observation.ts";

/**
 * Outlines of definitions by the digest of their text. A listing of many VMs reads the same texts again and again,
 * and a whole parsed definition, mostly PCI ports, is some hundred times the size of what is asked of it.
 */
export class DomainOutlines {
  readonly #kept = new Map<string, { digest: string; outline: DomainOutline }>();

  /** `key` names whose text it is, so that a newer text takes the place of the older one. */
  of(key: string, text: string): DomainOutline {
    const digest = createHash("sha256").update(text).digest("base64");
    const kept = this.#kept.get(key);
    if (kept?.digest === digest) return kept.outline;
    const outline = outlineOf(parseDomainXml(text));
    this.#kept.set(key, { digest, outline });
    return outline;
  }

  /** Forgets whoever is not in the list. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#kept.keys()) if (!keys.has(key)) this.#kept.delete(key);
  }
}

function outlineOf(domain: DomainXml): DomainOutline {
  const { name, title, metadata, memoryKiB, currentMemoryKiB, vcpu, devices } = domain;
  return {
    name,
    title,
    metadata,
    memoryKiB,
    currentMemoryKiB,
    vcpu,
    devices: devices && {
      disks: devices.disks,
      interfaces: devices.interfaces,
      channels: devices.channels,
      graphics: devices.graphics,
      leases: devices.leases,
    },
  };
}
