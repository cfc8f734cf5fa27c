import { mapLimited } from "@sinter/kit";
import { type Domain, isNotFound, XML } from "@sinter/libvirt";
import type { DatastoreSpec } from "@sinter/southbound";
import { translated } from "../libvirt/libvirt-errors.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import type { FileUsers } from "../volume/volume.service.ts";
import { DomainOutlines } from "./domain-outlines.ts";
import { uniqueDatastores } from "./domain-spec.ts";
import { vmErrors } from "./vm.errors.ts";
import { readMetadata } from "./vm-metadata.ts";
import { isUp, powerOf, type SeenDomain } from "./vm-observation.ts";

export type DomainReader = ReturnType<typeof createDomainReader>;

const READS_AT_ONCE = 8;

/** Reads domains from libvirt, which is the only memory of them. Changes nothing. */
export function createDomainReader(libvirt: LibvirtLink) {
  const cache = new DomainOutlines();

  async function see(domain: Domain): Promise<SeenDomain | undefined> {
    try {
      const { uuid } = domain;
      const [status, text] = await Promise.all([domain.status(), domain.xml()]);
      const current = cache.of(`${uuid} current`, text);
      if (status.state === "shutoff") {
        return { uuid, status, hasSavedMemory: await domain.hasManagedSave(), current, stored: current };
      }
      const stored = cache.of(`${uuid} stored`, await domain.xml(XML.inactive));
      return { uuid, status, hasSavedMemory: false, current, stored };
    } catch (error) {
      if (isNotFound(error)) return undefined; // removed while we looked
      throw error;
    }
  }

  async function list(): Promise<SeenDomain[]> {
    return await translated(undefined, async () => {
      const domains = await libvirt.reads.domains();
      const seen = await mapLimited(domains, READS_AT_ONCE, see);
      cache.retain(new Set(domains.flatMap(({ uuid }) => [`${uuid} current`, `${uuid} stored`])));
      return seen.filter((one) => one !== undefined);
    });
  }

  async function find(vmUuid: string): Promise<SeenDomain | undefined> {
    return await translated(vmUuid, () => see(libvirt.reads.domain({ uuid: vmUuid })));
  }

  return {
    list,
    find,

    async get(vmUuid: string): Promise<SeenDomain> {
      const seen = await find(vmUuid);
      if (!seen) throw vmErrors.notOnHost(vmUuid);
      return seen;
    },

    /** Which VMs have this file as a disk, now or at their next start. */
    async usersOfFile(path: string): Promise<FileUsers> {
      const users = (await list()).filter((seen) => diskFiles(seen).includes(path));
      return {
        all: users.map(({ current }) => current.name),
        running: users.filter((seen) => isUp(powerOf(seen))).map(({ current }) => current.name),
      };
    },

    async usersOfDatastore({ path }: DatastoreSpec): Promise<string[]> {
      const users = (await list()).filter((seen) =>
        diskFiles(seen).some((file) => file.startsWith(`${path}/`)),
      );
      return users.map(({ current }) => current.name);
    },

    /** Ids of the switches that some VM has a NIC on. */
    async usedSwitches(): Promise<Set<string>> {
      return new Set(
        (await list()).flatMap(({ current, stored }) =>
          [current, stored].flatMap(
            (domain) => readMetadata(domain)?.nics.map(({ switchId }) => switchId) ?? [],
          ),
        ),
      );
    },

    /** What VMs say about the datastores they lie on. */
    async datastoresOfVms(): Promise<DatastoreSpec[]> {
      return uniqueDatastores((await list()).flatMap(({ stored }) => readMetadata(stored)?.datastores ?? []));
    },
  };
}

function diskFiles({ current, stored }: SeenDomain): string[] {
  return [current, stored].flatMap((domain) =>
    (domain.devices?.disks ?? []).flatMap(({ source }) => source?.file ?? []),
  );
}
