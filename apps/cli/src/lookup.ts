import { type Client, collect, type Iso } from "@sinter/client";
import { AppError } from "@sinter/kit/errors";
import type {
  WireClusterBasic,
  WireDatastore,
  WireHostBasic,
  WirePortGroup,
  WireSwitchBasic,
  WireTask,
  WireUser,
  WireVm,
  WireVolume,
} from "@sinter/northbound";
import { failures } from "./failures.ts";
import { clean } from "./output/text.ts";

/*
 * Objects by what a person writes: a name, an id, a URN or a URI. A URN or URI is the object; an id is tried before a
 * name; a name must be that of one object only.
 */

interface Identified {
  readonly urn: string;
  readonly uri: string;
  readonly name: string;
}

interface Kind<T extends Identified> {
  readonly noun: string;
  /** Last part of the collection's path. */
  readonly collection: string;
  readonly isId: RegExp;
  /** How to see all of them. */
  readonly seeAll: string;
  get(client: Client, uri: string): Promise<T>;
  /** At least those of that very name. */
  named(client: Client, name: string): AsyncIterable<T> | Promise<readonly T[]>;
  /** What tells two of one name apart, beside the id. */
  readonly detail?: (item: T) => string;
}

const NUMBER = /^\d{1,15}$/;

const kinds = {
  vm: {
    noun: "VM",
    collection: "vms",
    isId: /^i-[0-9a-f]{8}$/i,
    seeAll: "sinter vm ls",
    get: (client, uri) => client.vms.get(uri),
    named: (client, name) => client.vms.iterate({ name, detail: 1 }),
    detail: (vm) => `${vm.status}${vm.clusterName ? `, cluster ${vm.clusterName}` : ""}`,
  } satisfies Kind<WireVm>,
  volume: {
    noun: "volume",
    collection: "volumes",
    isId: NUMBER,
    seeAll: "sinter volume ls",
    get: (client, uri) => client.volumes.get(uri),
    named: (client, name) => client.volumes.iterate({ name }),
    detail: (volume) => `${volume.quantityGB} GiB on ${volume.datastoreName}`,
  } satisfies Kind<WireVolume>,
  host: {
    noun: "host",
    collection: "hosts",
    isId: NUMBER,
    seeAll: "sinter host ls",
    get: (client, uri) => client.hosts.get(uri),
    named: (client, name) => client.hosts.iterate({ name }),
    detail: (host) => host.ip,
  } satisfies Kind<WireHostBasic>,
  cluster: {
    noun: "cluster",
    collection: "clusters",
    isId: NUMBER,
    seeAll: "sinter cluster ls",
    get: (client, uri) => client.clusters.get(uri),
    named: (client, name) => client.clusters.list({ name }),
  } satisfies Kind<Identified>,
  datastore: {
    noun: "datastore",
    collection: "datastores",
    isId: NUMBER,
    seeAll: "sinter datastore ls",
    get: (client, uri) => client.datastores.get(uri),
    named: (client, name) => client.datastores.iterate({ name }),
    detail: (datastore) => datastore.path,
  } satisfies Kind<WireDatastore>,
  switch: {
    noun: "switch",
    collection: "dvswitchs",
    isId: NUMBER,
    seeAll: "sinter switch ls",
    get: (client, uri) => client.switches.get(uri),
    named: (client, name) => client.switches.list({ name }),
  } satisfies Kind<WireSwitchBasic>,
};

const find = <T extends Identified>(kind: Kind<T>) => {
  return async (client: Client, text: string): Promise<T> => {
    if (text.startsWith("urn:") || text.startsWith("/service/")) return kind.get(client, text);
    const byId = kind.isId.test(text) ? await getIfThere(client, kind, text) : undefined;
    if (byId !== undefined) return byId;
    const same: T[] = [];
    const alike: T[] = [];
    for await (const item of await kind.named(client, text)) {
      if (item.name === text) same.push(item);
      else if (item.name.toLowerCase() === text.toLowerCase()) alike.push(item);
    }
    const [only] = same;
    if (only !== undefined && same.length === 1) return only;
    if (only !== undefined) throw failures.nameAmbiguous(kind.noun, text, same.map(candidate(kind)));
    const meant = alike[0] === undefined ? "" : `Did you mean ${clean(alike[0].name)}? `;
    throw failures.nameUnknown(kind.noun, text, `${meant}See all: ${kind.seeAll}`);
  };
};

export const findVm = find<WireVm>(kinds.vm);
export const findVolume = find<WireVolume>(kinds.volume);
export const findHost = find<WireHostBasic>(kinds.host);
export const findCluster = find<Pick<WireClusterBasic, "urn" | "uri" | "name">>(kinds.cluster);
export const findDatastore = find<WireDatastore>(kinds.datastore);
export const findSwitch = find<WireSwitchBasic>(kinds.switch);

/** The hosts of those names; without names, every host. */
export async function findHosts(
  client: Client,
  texts: readonly string[] | undefined,
): Promise<readonly WireHostBasic[]> {
  if (texts === undefined) return collect(client.hosts.iterate());
  return Promise.all(texts.map((text) => findHost(client, text)));
}

/** Port groups of two switches may share a name: `switch/name` tells them apart. */
export async function findPortGroup(client: Client, text: string): Promise<WirePortGroup> {
  if (text.startsWith("urn:") || text.startsWith("/service/")) return client.portGroups.get(text);
  const all: WirePortGroup[] = [];
  for await (const portGroup of client.portGroups.iterate()) all.push(portGroup);
  const byId = NUMBER.test(text) ? all.find((portGroup) => idOf(portGroup) === text) : undefined;
  if (byId !== undefined) return byId;
  let same = all.filter((portGroup) => portGroup.name === text);
  const cut = text.indexOf("/");
  const switches = same.length === 1 ? [] : await client.switches.list();
  const switchName = (portGroup: WirePortGroup) =>
    switches.find((aSwitch) => portGroup.urn.startsWith(`${aSwitch.urn}:`))?.name ?? "?";
  if (same.length === 0 && cut > 0) {
    const [ofSwitch, name] = [text.slice(0, cut), text.slice(cut + 1)];
    same = all.filter((portGroup) => portGroup.name === name && switchName(portGroup) === ofSwitch);
  }
  const [only] = same;
  if (only === undefined) throw failures.nameUnknown("port group", text, "See all: sinter portgroup ls");
  if (same.length === 1) return only;
  const lines = same.map((portGroup) => `${idOf(portGroup)}  ${clean(`${switchName(portGroup)}/${text}`)}`);
  throw failures.nameAmbiguous("port group", text, lines);
}

/** Tasks have no names. */
export async function findTask(client: Client, text: string): Promise<WireTask> {
  if (text.startsWith("urn:") || text.startsWith("/service/")) return client.tasks.get(text);
  const hint = "See all: sinter task ls";
  if (!NUMBER.test(text)) throw failures.nameUnknown("task", text, hint);
  try {
    return await client.tasks.get(await client.api.inSite("tasks", text));
  } catch (error) {
    if (error instanceof AppError && error.kind === "notFound")
      throw failures.nameUnknown("task", text, hint);
    throw error;
  }
}

/** By name, which is unique, or by user id. */
export async function findUser(client: Client, text: string): Promise<WireUser> {
  for await (const user of client.users.iterate()) {
    if (user.userName === text || user.userId === text) return user;
  }
  throw failures.nameUnknown("user", text, "See all: sinter user ls");
}

/** By name, which is unique on a datastore, by `<datastore id>@<name>`, or by id. */
export async function findIso(client: Client, text: string): Promise<Iso> {
  const isos = await client.isos.list();
  const byPath = isos.find((iso) => iso.devicePath === text || iso.id === text);
  if (byPath !== undefined) return byPath;
  const same = isos.filter((iso) => iso.name === text || iso.name === `${text}.iso`);
  const [only] = same;
  if (only === undefined) throw failures.nameUnknown("ISO file", text, "See all: sinter iso ls");
  if (same.length === 1) return only;
  throw failures.nameAmbiguous(
    "ISO file",
    text,
    same.map((iso) => clean(iso.devicePath)),
  );
}

/** The last part of an object's URN. */
export function idOf(object: { readonly urn: string }): string {
  return object.urn.slice(object.urn.lastIndexOf(":") + 1);
}

async function getIfThere<T extends Identified>(
  client: Client,
  kind: Kind<T>,
  id: string,
): Promise<T | undefined> {
  // VM ids are case-sensitive on the wire, and people copy them from anywhere.
  const exact = id.startsWith("i-") || id.startsWith("I-") ? `i-${id.slice(2).toUpperCase()}` : id;
  try {
    return await kind.get(client, await client.api.inSite(kind.collection, exact));
  } catch (error) {
    // It may still be a name: nothing forbids one that looks like an id.
    if (error instanceof AppError && error.kind === "notFound") return undefined;
    throw error;
  }
}

function candidate<T extends Identified>(kind: Kind<T>): (item: T) => string {
  return (item) => clean([idOf(item), kind.detail?.(item)].filter(Boolean).join("  "));
}
