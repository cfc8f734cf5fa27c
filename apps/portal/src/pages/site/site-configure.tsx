import type { WireSite } from "@sinter/northbound";
import { client } from "../../api/client.ts";
import { restoreSession } from "../../api/session.ts";
import { NameForm } from "./name-form.tsx";

/** The head of the page shows the site's name, which comes with the session. */
export function SiteConfigure({ site }: { site: WireSite }) {
  return (
    <NameForm
      name={site.name}
      description={site.description}
      kinds={["sites"]}
      fields={{ "10000012": "name", "10000018": "description" }}
      save={async (change) => {
        await client.sites.modify(site, change);
        await restoreSession();
      }}
    />
  );
}
