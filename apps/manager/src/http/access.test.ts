import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog, systemClock } from "@sinter/kit";
import { createAudit } from "../audit/index.ts";
import { createAuthorityStore, createEnrolment } from "../enrolment/index.ts";
import { describeAccess } from "../testing/describe-access.ts";
import { TEST_SITE, testApp } from "../testing/test-app.ts";
import { registerHealthRoute } from "./health.routes.ts";
import { registerOpenApiRoute } from "./openapi.ts";

describeAccess("identity, audit, enrolment", async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "sinter-access-"));
  const parts = { clock: systemClock, log: silentLog };
  const world = await testApp({
    ...parts,
    extend: async (app, database) => {
      const audit = await createAudit({ database, stateDir, ...parts });
      audit.routes(app);
      const authority = await createAuthorityStore({
        db: database.db,
        stateDir,
        serverNames: ["localhost"],
        ...parts,
      });
      createEnrolment({
        database,
        authority,
        siteId: () => TEST_SITE,
        isConnected: () => false,
        onEnrolled: async () => {},
        ...parts,
      }).routes(app);
      registerHealthRoute(app, database);
      registerOpenApiRoute(app, { version: "0" });
    },
  });
  return {
    app: world.app,
    tokens: await world.accessTokens(),
    [Symbol.asyncDispose]: async () => {
      await world[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
});
