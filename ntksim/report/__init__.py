"""One self-contained HTML page about a store, which works without a network."""

from ntksim.report.page import report_html, write_report

__all__ = ["report_html", "write_report"]
