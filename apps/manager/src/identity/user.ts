/** local: portal users; domain: from a directory service; interconnect: other systems. */
export type UserType = "local" | "domain" | "interconnect";

/** What a route demands of whoever calls it. Each includes the ones before it. */
export const ACCESS_LEVELS = ["public", "read", "operate", "administer"] as const;
export type AccessLevel = (typeof ACCESS_LEVELS)[number];

/** Who makes a request. */
export interface Actor {
  readonly userId: string;
  readonly userName: string;
  readonly roles: readonly string[];
  readonly access: AccessLevel;
}
