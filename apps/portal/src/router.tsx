import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from "@tanstack/react-router";
import { PageFailure, PageMissing } from "./shell/page-failure.tsx";
import { Shell } from "./shell/shell.tsx";

/** What lists hold in the URL: filter, order, page of a tree, whatever a page reads by `useSearch`. */
export type Search = Record<string, string | number | boolean | undefined>;

const root = createRootRouteWithContext<{ queries: QueryClient }>()({
  validateSearch: (search: Record<string, unknown>): Search => search as Search,
});

/** Pages within the shell. */
const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });

const overview = createRoute({
  getParentRoute: () => shell,
  path: "/",
  component: lazyRouteComponent(() => import("./pages/overview/overview-page.tsx"), "OverviewPage"),
});
const vms = createRoute({
  getParentRoute: () => shell,
  path: "/vms",
  component: lazyRouteComponent(() => import("./pages/vm/vm-list-page.tsx"), "VmListPage"),
});
const createVm = createRoute({
  getParentRoute: () => shell,
  path: "/vms/create",
  component: lazyRouteComponent(() => import("./pages/vm/create-vm-page.tsx"), "CreateVmPage"),
});
const vm = createRoute({
  getParentRoute: () => shell,
  path: "/vms/$vmId",
  component: lazyRouteComponent(() => import("./pages/vm/vm-page.tsx"), "VmPage"),
});
const hosts = createRoute({
  getParentRoute: () => shell,
  path: "/hosts",
  component: lazyRouteComponent(() => import("./pages/host/host-list-page.tsx"), "HostListPage"),
});
const host = createRoute({
  getParentRoute: () => shell,
  path: "/hosts/$hostId",
  component: lazyRouteComponent(() => import("./pages/host/host-page.tsx"), "HostPage"),
});
const site = createRoute({
  getParentRoute: () => shell,
  path: "/site",
  component: lazyRouteComponent(() => import("./pages/site/site-page.tsx"), "SitePage"),
});
const cluster = createRoute({
  getParentRoute: () => shell,
  path: "/clusters/$clusterId",
  component: lazyRouteComponent(() => import("./pages/site/cluster-page.tsx"), "ClusterPage"),
});
const storage = createRoute({
  getParentRoute: () => shell,
  path: "/storage",
  component: lazyRouteComponent(() => import("./pages/storage/storage-page.tsx"), "StoragePage"),
});
const datastore = createRoute({
  getParentRoute: () => shell,
  path: "/datastores/$datastoreId",
  component: lazyRouteComponent(() => import("./pages/storage/datastore-page.tsx"), "DatastorePage"),
});
const isos = createRoute({
  getParentRoute: () => shell,
  path: "/isos",
  component: lazyRouteComponent(() => import("./pages/media/iso-page.tsx"), "IsoPage"),
});
const network = createRoute({
  getParentRoute: () => shell,
  path: "/network",
  component: lazyRouteComponent(() => import("./pages/network/network-page.tsx"), "NetworkPage"),
});
const switchRoute = createRoute({
  getParentRoute: () => shell,
  path: "/switches/$switchId",
  component: lazyRouteComponent(() => import("./pages/network/switch-page.tsx"), "SwitchPage"),
});
const tasks = createRoute({
  getParentRoute: () => shell,
  path: "/tasks",
  component: lazyRouteComponent(() => import("./pages/task/task-page.tsx"), "TaskPage"),
});
const users = createRoute({
  getParentRoute: () => shell,
  path: "/users",
  component: lazyRouteComponent(() => import("./pages/user/users-page.tsx"), "UsersPage"),
});
const audit = createRoute({
  getParentRoute: () => shell,
  path: "/audit",
  component: lazyRouteComponent(() => import("./pages/user/audit-page.tsx"), "AuditPage"),
});
/** A tab or window of its own, without the shell around it. */
const consolePage = createRoute({
  getParentRoute: () => root,
  path: "/console/$vmId",
  component: lazyRouteComponent(() => import("./pages/console/console-page.tsx"), "ConsolePage"),
});

const tree = root.addChildren([
  shell.addChildren([
    overview,
    vms,
    createVm,
    vm,
    hosts,
    host,
    site,
    cluster,
    storage,
    datastore,
    isos,
    network,
    switchRoute,
    tasks,
    users,
    audit,
  ]),
  consolePage,
]);

export function createPortalRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queries },
    defaultPreload: "intent",
    defaultErrorComponent: PageFailure,
    defaultNotFoundComponent: PageMissing,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createPortalRouter>;
  }
}
