import type { StoredSettings } from "./cluster-settings.ts";

/** As the database holds it: what was set, without the defaults. */
export interface StoredCluster {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly tag: string;
  readonly settings: StoredSettings;
  readonly createdAt: Date;
}
