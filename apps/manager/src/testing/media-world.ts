import type { AddressInfo } from "node:net";
import { ManualClock, silentLog } from "@sinter/kit";
import { CreateVmRequest, readBody, vmWireId } from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { createVmLists, registerVmMediaRoutes, registerVmRoutes, vmWireErrors } from "../compute/index.ts";
import { createUpgrades } from "../http/upgrades.ts";
import { createWireErrors } from "../http/wire-errors.ts";
import {
  createIsoService,
  type IsoService,
  mediaWireErrors,
  registerIsoRoutes,
  registerMediaUpgrade,
} from "../media/index.ts";
import { datastoreWireErrors } from "../storage/index.ts";
import { type ComputeWorld, computeWorld, OPERATOR } from "./compute-world.ts";
import { TEST_SITE, type TestApp, testAppOn } from "./test-app.ts";

export interface MediaWorld extends AsyncDisposable {
  readonly compute: ComputeWorld;
  readonly served: TestApp;
  readonly clock: ManualClock;
  readonly isos: IsoService;
  readonly datastoreId: number;
  readonly token: string;
  /** Calls that the audit would have recorded. */
  readonly recorded: string[];
  /** Host and port of the API, for WebSockets. */
  readonly address: string;
  /** A library as of a manager that has just been started. */
  anotherService(): IsoService;
  /** A VM without disks and NICs. */
  vm(options?: {
    isBooted?: boolean;
    cdRomDevicePath?: string;
  }): Promise<{ id: number; wireId: string; uuid: string }>;
  call(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body?: object | Buffer,
    headers?: Record<string, string>,
  ): Promise<{
    status: number;
    // Tests look into answers of all shapes.
    // biome-ignore lint/suspicious/noExplicitAny: see above
    body: any;
  }>;
  /** The action of a VM, its task awaited when it is accepted. */
  act(vm: { wireId: string }, action: string, body?: object): ReturnType<MediaWorld["call"]>;
}

/** VMs on two simulated hosts, and everything about CDs and ISO files over a real server. */
export async function mediaWorld(): Promise<MediaWorld> {
  const compute = await computeWorld();
  const { database, fleet, vms } = compute;
  const clock = new ManualClock();
  const anotherService = () => createIsoService({ database, fleet, clock, log: silentLog });
  const isos = anotherService();
  const siteId = () => TEST_SITE;
  const recorded: string[] = [];
  const served = await testAppOn(
    { database, url: "", name: "" },
    {
      clock,
      onMutation: async ({ method, url }, { statusCode }) => {
        recorded.push(`${method} ${url} ${statusCode}`);
      },
      errors: [vmWireErrors, mediaWireErrors, datastoreWireErrors],
      extend: (app: FastifyInstance, _database, identity) => {
        registerVmRoutes(app, { vms, lists: createVmLists({ database, siteId }), database, siteId });
        registerVmMediaRoutes(app, { vms, siteId });
        registerIsoRoutes(app, { isos, siteId, lookSoon: () => {} });
        const upgrades = createUpgrades({
          authenticate: identity.authenticate,
          errors: createWireErrors([identity.wireErrors, mediaWireErrors]),
          log: silentLog,
        });
        upgrades.attach(app.server, "api");
        registerMediaUpgrade(upgrades, { app, database, fleet, log: silentLog });
        app.addHook("preClose", async () => upgrades.close());
      },
    },
  );
  await served.app.listen({ host: "127.0.0.1", port: 0 });
  const token = await served.login();

  const call: MediaWorld["call"] = async (method, path, body, headers = {}) => {
    const answer = await served.app.inject({
      method,
      url: path,
      headers: { "x-auth-token": token, ...headers },
      ...(body === undefined ? {} : { payload: body }),
    });
    return { status: answer.statusCode, body: answer.json() };
  };
  return {
    compute,
    served,
    clock,
    isos,
    datastoreId: Number(compute.urns.datastore.split(":").at(-1)),
    token,
    recorded,
    address: `127.0.0.1:${(served.app.server.address() as AddressInfo).port}`,
    anotherService,
    call,
    async vm({ isBooted = true, cdRomDevicePath } = {}) {
      const wish = {
        name: "vm",
        location: compute.urns.cluster,
        osOptions: { osType: "Linux" },
        vmConfig: { cpu: { quantity: 1 }, memory: { quantityMB: 256 } },
        autoBoot: isBooted,
        ...(cdRomDevicePath === undefined ? {} : { cdRomProtocol: "file", cdRomDevicePath }),
      };
      const begun = await vms.create(OPERATOR, readBody(CreateVmRequest, wish));
      await compute.done(begun);
      const { vm } = await vms.get(begun.id);
      return { id: begun.id, wireId: vmWireId(begun.id), uuid: vm.uuid };
    },
    async act({ wireId }, action, body = {}) {
      const path = `/service/sites/${TEST_SITE}/vms/${wireId}/action/${action}`;
      const answer = await call("POST", path, body);
      if (answer.status === 200 && "taskUri" in answer.body)
        await compute.done({ taskId: Number(answer.body.taskUri.split("/").at(-1)) });
      return answer;
    },
    [Symbol.asyncDispose]: async () => {
      await served[Symbol.asyncDispose]();
      await compute[Symbol.asyncDispose]();
    },
  };
}
