import { useTranslation } from "react-i18next";
import { bytes } from "../../ui/format.ts";
import type { MediaActivity } from "./browser-media.ts";

/** The file as a strip: what was read is filled, where the guest reads now stands out. */
export function MediaPicture({ activity }: { activity: MediaActivity }) {
  const { t } = useTranslation();
  const { touched, latest } = activity;
  const now = latest === undefined ? -1 : Math.min(touched.length - 1, Math.floor(latest * touched.length));
  const text = t("vm.mediaReads", { count: activity.reads, bytes: bytes(activity.bytes) });
  return (
    <figure className="media">
      <div className="media-strip" role="img" aria-label={text}>
        {touched.map((isRead, index) => (
          <span key={index} className={`${isRead ? "read" : ""}${index === now ? " now" : ""}`} />
        ))}
      </div>
      <figcaption className="quiet">{text}</figcaption>
    </figure>
  );
}
