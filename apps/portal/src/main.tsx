import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { AppError } from "@sinter/kit/errors";
import { client } from "./api/client.ts";
import { restoreSession } from "./api/session.ts";
import { startLanguage } from "./i18n/index.ts";
import { createPortalRouter } from "./router.tsx";
import { Door } from "./session/door.tsx";
import { Looks } from "./shell/looks.tsx";
import "./portal.css";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // The event stream says when to look again.
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      // A manager that is away comes back; a refusal stays one.
      retry: (failures, error) => !(error instanceof AppError) || (error.retryable && failures < 1000),
      retryDelay: (failures) => Math.min(500 * 2 ** failures, 5000),
    },
  },
});
const router = createPortalRouter(queries);
const root = document.getElementById("root");
if (!root) throw new Error("Broken assumption: index.html has the root element.");

// The page's code comes while the manager is asked who we are.
void router.preloadRoute({ to: location.pathname }).catch(() => {});
// Nearly every query needs to know the site: asked now, it is there when the first of them begins.
client.sites.own().catch(() => {});
// When the manager does not answer, the login is shown, which says so.
await Promise.all([startLanguage(), restoreSession().catch(() => {})]);
createRoot(root).render(
  <StrictMode>
    <Looks>
      <QueryClientProvider client={queries}>
        <Door>
          <RouterProvider router={router} />
        </Door>
      </QueryClientProvider>
    </Looks>
  </StrictMode>,
);
