import type { CloneVmRequest, CreateVmRequest } from "@sinter/northbound";
import type { DiskWish, Wish } from "./wish.ts";

/** Stands where the password would: commands are kept in histories and copied into tickets. */
export const PASSWORD_PLACEHOLDER = "PASSWORD";

type Body = CreateVmRequest | CloneVmRequest;

/** The request as it may be shown. */
export function withoutSecrets<B extends Body>(body: B): B {
  const custom = body.vmCustomization;
  if (custom?.password === undefined) return body;
  return { ...body, vmCustomization: { ...custom, password: PASSWORD_PLACEHOLDER } };
}

/** For a POSIX shell: one word, whatever is in it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The API call with curl, on the API's port, where a token is used instead of the portal's cookie. */
export function curlText(hostname: string, path: string, body: Body): string {
  const host = hostname.includes(":") ? `[${hostname.replaceAll(/[[\]]/g, "")}]` : hostname;
  const json = JSON.stringify(withoutSecrets(body), null, 2);
  return [
    `curl --cacert ca.crt -X POST https://${host}:7443${path} \\`,
    `  -H "X-Auth-Token: $TOKEN" \\`,
    `  -H 'Content-Type: application/json;charset=UTF-8' \\`,
    `  -d ${shellWord(json)}`,
  ].join("\n");
}

/** Names of what the wish names by URN. */
export interface WishNames {
  readonly source?: string | undefined;
  readonly place: { readonly kind: "cluster" | "host"; readonly name: string };
  datastore(urn: string): string;
  portGroup(urn: string): string;
}

const KIND = { thin: "thin", lazy: "lazy", normal: "thick" } as const;

/** The same by the CLI. What its options cannot say is told by `beyondCli`. */
export function cliText(wish: Wish, names: WishNames): string {
  const place = [`--${names.place.kind}`, names.place.name];
  const size = ["--cpu", String(wish.cpus), "--memory", `${wish.memoryMiB}M`];
  const linked = wish.isLinked ? ["--linked"] : [];
  const start = wish.autoBoot ? [] : ["--no-start"];
  const words =
    names.source === undefined
      ? [
          "sinter",
          "vm",
          "create",
          wish.name.trim(),
          ...place,
          ...size,
          ...wish.disks.flatMap((disk) => ["--disk", diskFlag(disk, names)]),
          ...(wish.disks[0]?.image ? ["--image", wish.disks[0].image] : []),
          ...wish.nics.flatMap((nic) => [
            "--nic",
            names.portGroup(nic.portGroupUrn) + (nic.mac.trim() === "" ? "" : `:${nic.mac.trim()}`),
          ]),
          "--os-type",
          wish.osType,
          "--os-version",
          String(wish.osVersion),
          ...(wish.description === "" ? [] : ["--description", wish.description]),
          ...start,
        ]
      : ["sinter", "vm", "clone", names.source, wish.name.trim(), ...place, ...size, ...start, ...linked];
  return words.map(shellWord).join(" ");
}

function diskFlag(disk: DiskWish, names: WishNames): string {
  return `${disk.sizeGiB}G:${KIND[disk.provisioning]}:${names.datastore(disk.datastoreUrn)}`;
}

export type BeyondCli = "customization" | "firmware" | "sockets" | "iso" | "images" | "copies";

/** What of the wish the CLI's options do not say. */
export function beyondCli(wish: Wish): BeyondCli[] {
  const isCopy = wish.from !== "";
  return [
    ...(wish.isCustomized ? (["customization"] as const) : []),
    ...(!isCopy && wish.firmware === "UEFI" ? (["firmware"] as const) : []),
    ...(wish.coresPerSocket > 1 ? (["sockets"] as const) : []),
    ...(wish.isoId ? (["iso"] as const) : []),
    ...(wish.disks.slice(1).some((disk) => disk.image) ? (["images"] as const) : []),
    ...(isCopy ? (["copies"] as const) : []),
  ];
}
