import type { Log } from "@sinter/kit";
import { MEDIA_DETACHED, MEDIA_ENDED, type MediaChannel } from "@sinter/southbound";
import type { FastifyInstance } from "fastify";
import type { RawData, WebSocket } from "ws";
import type { Database } from "../database/database.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Upgrades } from "../http/upgrades.ts";
import { type BrowserMedium, browserMediaStore, newTicket } from "./browser-media.store.ts";
import { mediaErrors } from "./media.errors.ts";

const PATH = "/sinter/v1/media/:ticket";
/** A piece with its number; agents ask for a quarter of it. */
const MESSAGE_BYTES_MAX = 1024 * 1024;
/** Codes with which a browser says that it leaves for good: closed by its page, or with it. */
const GOODBYES: readonly number[] = [1000, 1001, 1005, MEDIA_ENDED];
/** Towards the browser: come back with the next ticket. */
const COME_BACK = 1012;

/**
 * Connections over which browsers hand out files (CMP-29, docs/formats/browser-media.md). The manager passes messages on
 * and looks into none of them.
 */
export function registerMediaUpgrade(
  upgrades: Upgrades,
  parts: { app: FastifyInstance; database: Database; fleet: Fleet; log: Log },
): void {
  const { database, fleet, log } = parts;
  let isStopping = false;
  // Our own going is no good-bye of the browsers: they come back to the next manager.
  parts.app.addHook("preClose", async () => {
    isStopping = true;
  });

  upgrades.register({
    path: PATH,
    access: "operate",
    messageBytesMax: MESSAGE_BYTES_MAX,
    open: async ({ params, actor, onGone }) => {
      const ticket = params.ticket ?? "";
      const store = browserMediaStore(database.db);
      // The host first: a ticket is not used up by a host that does not answer.
      const medium = await store.find(ticket, actor.userId, new Date());
      if (!medium) throw mediaErrors.ticketUnknown();
      const channel = await fleet.agent(medium.hostId).openMedia(medium.id, medium.sizeBytes);
      const next = newTicket();
      if (!(await store.redeem(ticket, actor.userId, next, new Date()))) {
        channel.close(1000, "the ticket was used");
        throw mediaErrors.ticketUnknown();
      }
      let isJoined = false;
      onGone(() => {
        if (!isJoined) channel.close(1000, "the browser was lost");
      });
      log.info({ vmId: medium.vmId, user: actor.userName, mediaId: medium.id }, "a browser hands out a file");
      return (client) => {
        isJoined = true;
        join(client, channel, medium, next);
      };
    },
  });

  function join(client: WebSocket, channel: MediaChannel, medium: BrowserMedium, next: string): void {
    client.send(JSON.stringify({ resume: PATH.replace(":ticket", next), sizeBytes: medium.sizeBytes }));
    client.on("message", (data: RawData, isBinary: boolean) => {
      const bytes = data as Buffer; // ws gives one buffer unless told otherwise
      channel.send(isBinary ? bytes : bytes.toString("utf8"));
    });
    client.on("close", (code: number) => {
      const isOver = !isStopping && GOODBYES.includes(code);
      channel.close(isOver ? MEDIA_ENDED : 1000, isOver ? "the browser has left" : "the browser was lost");
      log.info({ vmId: medium.vmId, mediaId: medium.id, code, isOver }, "a browser's connection has ended");
    });
    channel.onMessage((message) => client.send(message));
    channel.onClose((code) => {
      if (code === MEDIA_DETACHED) client.close(MEDIA_DETACHED, "the medium was taken out of the drive");
      else client.close(COME_BACK, "the host was lost");
    });
  }
}
