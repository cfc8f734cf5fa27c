import {
  CurveAnswer,
  CurveQuery,
  RealtimeAnswer,
  RealtimeQuery,
  SystemTime,
  TopAnswer,
  TopQuery,
  wireDateTime,
  wireMillis,
} from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { registerRoute, SITE } from "../http/route.ts";
import type { MonitorService } from "./monitor.service.ts";

export function registerMonitorRoutes(app: FastifyInstance, { monitor }: { monitor: MonitorService }): void {
  registerRoute(app, {
    method: "POST",
    url: `${SITE}/monitors/objectmetric-realtimedata`,
    access: "read",
    summary: "Shows the latest figures of VMs, hosts, clusters and datastores.",
    body: RealtimeQuery,
    reply: RealtimeAnswer,
    handle: ({ body }) => monitor.realtime(body),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/monitors/objectmetric-curvedata`,
    access: "read",
    summary: "Shows figures over time.",
    body: CurveQuery,
    reply: CurveAnswer,
    handle: ({ body }) => monitor.curve(body),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/monitors/TopoStatistic/objectmetric-curvedata`,
    access: "read",
    summary: "Shows the hosts of a cluster with the highest or lowest mean of a figure.",
    body: TopQuery,
    reply: TopAnswer,
    handle: ({ body }) => monitor.top(body),
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/monitors/getSysCurrentTime`,
    access: "read",
    summary: "Shows the manager's time.",
    reply: SystemTime,
    handle: async () => systemTime(monitor.now()),
  });
}

/** Offset of the zone without and of daylight saving, in milliseconds. */
export function systemTime(nowMs: number) {
  const year = new Date(nowMs).getFullYear();
  const offsets = [new Date(year, 0, 1), new Date(year, 6, 1)].map(
    (date) => -date.getTimezoneOffset() * 60_000,
  );
  const zoneOffset = Math.min(...offsets);
  const offset = -new Date(nowMs).getTimezoneOffset() * 60_000;
  return {
    result: "0",
    currentUtcTime: wireMillis(nowMs),
    zoneOffset,
    dstOffset: offset - zoneOffset,
    currentLocalTime: wireDateTime(nowMs + offset),
  };
}
