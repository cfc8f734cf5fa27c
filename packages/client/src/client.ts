import type { VersionsAnswer } from "@sinter/northbound";
import { createApi } from "./api.ts";
import { createHttp, type HttpOptions } from "./http.ts";
import { createClusters, createSites } from "./resources/clusters.ts";
import { createDatastores } from "./resources/datastores.ts";
import { createHosts } from "./resources/hosts.ts";
import { createAudit, createJoinTokens, createRoles, createUsers } from "./resources/identity.ts";
import { createIsos } from "./resources/isos.ts";
import { createPortGroups, createSwitches } from "./resources/networks.ts";
import { createMonitor } from "./resources/monitor.ts";
import { createSnapshots } from "./resources/snapshots.ts";
import { createTasks } from "./resources/tasks.ts";
import { createVms } from "./resources/vms.ts";
import { createVolumes } from "./resources/volumes.ts";
import { createSession, type Credentials } from "./session.ts";

export interface PortableClientOptions extends HttpOptions, Credentials {}

/** The client over any `fetch`, so also in a browser. In Node `createClient` adds TLS trust and the serial console. */
export function createPortableClient(options: PortableClientOptions) {
  const http = createHttp(options);
  const session = createSession(http, options);
  const api = createApi(session);
  return {
    session,
    /** Versions of the API, oldest first. Needs no session: also a way to ask whether the manager is there. */
    versions: async () =>
      ((await http.send({ method: "GET", path: "/service/versions" })).body as VersionsAnswer).versions,
    /**
     * Changes a password by the old one. Needs no session, since somebody whose password has to be changed is not
     * let in before.
     */
    async changePassword(change: { userName: string; oldPassword: string; password: string }): Promise<void> {
      await http.send({ method: "POST", path: "/service/users/password/modify", body: change });
    },
    /** Calls beyond the typed ones, with the same session and errors. */
    api,
    sites: createSites(api),
    clusters: createClusters(api),
    hosts: createHosts(api),
    vms: createVms(api),
    snapshots: createSnapshots(api),
    volumes: createVolumes(api),
    datastores: createDatastores(api),
    isos: createIsos(api),
    switches: createSwitches(api),
    portGroups: createPortGroups(api),
    monitor: createMonitor(api),
    tasks: createTasks(api),
    users: createUsers(api),
    roles: createRoles(api),
    joinTokens: createJoinTokens(api),
    audit: createAudit(api),
  };
}

export type PortableClient = ReturnType<typeof createPortableClient>;
