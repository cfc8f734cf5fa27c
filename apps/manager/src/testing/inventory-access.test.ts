import { describeAccess } from "./describe-access.ts";
import { inventoryWorld } from "./inventory-world.ts";

describeAccess("inventory", async () => {
  const world = await inventoryWorld();
  const tokens = await world.test.accessTokens();
  return { app: world.app, tokens, [Symbol.asyncDispose]: async () => world[Symbol.asyncDispose]() };
});
