/** Consoles of VMs: screens and serial lines, by ticket. */
export { createConsoleCheck } from "./console-check.ts";
export {
  type ConsoleProxy,
  createConsoleProxy,
  DEFAULT_CONSOLE_PORT,
  DEFAULT_CONSOLE_PUBLIC_PORT,
} from "./console-proxy.ts";
export { type ConsoleSessions, createConsoleSessions, RECHECK_MS } from "./console-sessions.ts";
export { registerConsoleRoutes } from "./console.routes.ts";
export { type ConsoleService, createConsoleService } from "./console.service.ts";
export { registerConsoles } from "./console.upgrade.ts";
