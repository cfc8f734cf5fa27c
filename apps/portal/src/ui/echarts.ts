import { LineChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

/* The parts of ECharts that are used; loaded with the first chart that is shown. */

use([LineChart, GridComponent, TooltipComponent, CanvasRenderer]);

export { init };
