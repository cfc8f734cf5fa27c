export { type Collector, createCollector, type HostLoad } from "./collector.ts";
export { monitorWireErrors } from "./monitor.errors.ts";
export { registerMonitorRoutes } from "./monitor.routes.ts";
export { createMonitorService, type MonitorService } from "./monitor.service.ts";
export { createRecorder, type Recorder } from "./recorder.ts";
