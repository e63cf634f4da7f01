"""The demo's figures, each counted again from the raw data without DataFusion."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dfplan_assets_tests.demo import warehouse
from dfplan_assets_tests.demo.shop import LAST_DAY, Order, Shop
from dfplan_assets_tests.demo.warehouse import Warehouse

Row = dict[str, Any]
ACTIVE_DAYS, QUIET_DAYS = 180, 92


def by(rows: list[dict[str, object]], *columns: str) -> dict[Any, Row]:
    """Rows by the values of columns, which must tell them apart."""
    found = {
        tuple(row[column] for column in columns) if columns[1:] else row[columns[0]]: row for row in rows
    }
    assert len(found) == len(rows)
    return found


def mean(values: list[Decimal]) -> Decimal:
    return sum(values, Decimal(0)) / len(values)


def activity(orders: list[Order]) -> str:
    if not orders:
        return "prospect"
    return "active" if (LAST_DAY - orders[-1].day).days < ACTIVE_DAYS else "lapsed"


def net_of(orders: list[Order]) -> Decimal:
    return sum((order.net for order in orders), Decimal(0))


# --- sales -----------------------------------------------------------------------------------------


def test_the_fact_table_has_every_line_of_the_reported_orders(demo: Warehouse, shop: Shop) -> None:
    assert demo.results["core.sales"].num_rows == len(shop.lines)
    assert demo.total("core.sales", "net_amount") == shop.net
    assert demo.total("core.sales", "margin_amount") == sum(line.net - line.cost for line in shop.lines)


def test_orders_add_up_their_lines(demo: Warehouse, shop: Shop) -> None:
    totals = by(demo.rows("order_totals"), "order_key")
    assert totals.keys() == {order.key for order in shop.orders}
    for order in shop.orders:
        row = totals[order.key]
        returned = [line.net for line in order.lines if line.returned]
        main = max(order.lines, key=lambda line: (line.net, -line.number))
        assert row["net_amount"] == order.net
        assert row["line_count"] == len(order.lines)
        assert row["late_line_count"] == order.late_lines
        assert row["returned_amount"] == (sum(returned) if returned else None)
        assert row["main_product_key"] == main.product


def test_markets_roll_up_to_regions_and_to_everything(demo: Warehouse, shop: Shop) -> None:
    net: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    buyers: dict[tuple[str, str], set[int]] = defaultdict(set)
    for order in shop.orders:
        nation, region = shop.market_of(order.customer)
        for level in ((region, nation), (region, "All nations"), ("All regions", "All nations")):
            net[level] += order.net
            buyers[level].add(order.customer)
    rows = by(demo.rows("sales_by_market"), "region_name", "nation_name")
    assert {level: row["net_amount"] for level, row in rows.items()} == net
    assert {level: row["buying_customers"] for level, row in rows.items()} == {
        level: len(customers) for level, customers in buyers.items()
    }


def test_each_face_of_the_cube_holds_all_sales(demo: Warehouse, shop: Shop) -> None:
    faces: dict[int, Decimal] = defaultdict(Decimal)
    for row in demo.rows("sales_cube"):
        assert isinstance(row["grouping_mask"], int)
        assert isinstance(row["net_amount"], Decimal)
        faces[row["grouping_mask"]] += row["net_amount"]
    assert faces == dict.fromkeys(range(8), shop.net)


def test_each_depth_of_the_categories_holds_all_sales(demo: Warehouse, shop: Shop) -> None:
    depths: dict[object, Decimal] = defaultdict(Decimal)
    shares: dict[object, float] = defaultdict(float)
    for row in demo.rows("category_sales"):
        assert isinstance(row["net_amount"], Decimal)
        assert isinstance(row["share_of_sales"], float)
        depths[row["depth"]] += row["net_amount"]
        shares[row["depth"]] += row["share_of_sales"]
    assert depths == dict.fromkeys((1, 2, 3), shop.net)
    assert shares == {depth: pytest.approx(1, abs=1e-4) for depth in (1, 2, 3)}


def test_months_accumulate_and_compare_with_the_months_before(demo: Warehouse, shop: Shop) -> None:
    net: dict[tuple[str, datetime.date], Decimal] = defaultdict(Decimal)
    for order in shop.orders:
        net[shop.market_of(order.customer)[1], order.day.replace(day=1)] += order.net
    months = [datetime.date(year, month, 1) for year in range(1993, 1999) for month in range(1, 13)][:68]
    assert demo.column("reporting_months", "month_start") == months
    rows = by(demo.rows("monthly_sales"), "region_name", "month_start")
    regions = {region for _, region in shop.nations.values()}
    assert rows.keys() == {(region, month) for region in regions for month in months}
    for (region, month), row in rows.items():
        at = months.index(month)
        sales = [net[region, each] for each in months[: at + 1]]
        assert row["net_amount"] == sales[-1]
        assert row["net_amount_year_to_date"] == sum(sales[-month.month :])
        assert row["average_of_three_months"] == pytest.approx(mean(sales[-3:]), abs=Decimal("0.01"))
        assert row["best_of_past_year"] == max(sales[-13:-1], default=None)
        assert row["change_on_year_before"] == (sales[-1] - sales[-13] if at >= 12 else None)


def test_each_of_the_last_thirty_days_has_its_orders(demo: Warehouse, shop: Shop) -> None:
    days = [datetime.date(1998, 7, 4) + datetime.timedelta(days=day) for day in range(30)]
    assert days[-1] == max(order.day for order in shop.orders)
    orders: dict[tuple[datetime.date, str], list[Order]] = defaultdict(list)
    for order in shop.orders:
        if order.day in days:
            orders[order.day, order.priority.partition("-")[2]].append(order)
    rows = by(demo.rows("daily_revenue"), "order_date", "priority")
    assert rows.keys() == orders.keys()
    for key, row in rows.items():
        assert row["order_count"] == len(orders[key])
        assert row["net_amount"] == sum(order.net for order in orders[key])
        returned = [line.net for order in orders[key] for line in order.lines if line.returned]
        assert row["returned_amount"] == (sum(returned) if returned else None)


def test_the_top_products_are_the_second_twenty(demo: Warehouse, shop: Shop) -> None:
    net: dict[int, Decimal] = defaultdict(Decimal)
    for line in shop.lines:
        net[line.product] += line.net
    best = sorted(net, key=lambda product: (-net[product], product))
    assert demo.column("top_products", "product_key") == best[20:40]


# --- targets and reference data --------------------------------------------------------------------


def test_targets_are_compared_with_what_was_billed(demo: Warehouse, shop: Shop) -> None:
    billed: dict[tuple[str, datetime.date], Decimal] = defaultdict(Decimal)
    for order in shop.orders:
        quarter = order.day.replace(month=(order.day.month - 1) // 3 * 3 + 1, day=1)
        billed[shop.market_of(order.customer)[1], quarter] += order.billed
    rows = by(demo.rows("target_attainment"), "region_name", "quarter_start")
    assert {key: row["billed_total"] for key, row in rows.items()} == billed
    # No target is agreed for the last quarter yet.
    without = {key for key, row in rows.items() if row["target_revenue"] is None}
    assert without == {key for key in rows if key[1] == datetime.date(1998, 7, 1)}


def test_drafts_are_left_out_unless_the_project_asks_for_them(
    project: Path, demo: Warehouse, shop: Shop
) -> None:
    drafts = sum(bool(target["is_draft"]) for target in shop.targets)
    with_drafts = warehouse.run(project, target_partitions=1, include_draft_targets=True)
    assert drafts == 5
    assert Counter(demo.column("staging.targets", "target_status")) == {"agreed": len(shop.targets) - drafts}
    assert with_drafts.results["staging.targets"].num_rows == len(shop.targets)
    assert demo.tables["staging.targets"] == with_drafts.tables["staging.targets"] == {"raw.targets"}


def test_the_category_tree_has_three_levels_below_its_root(demo: Warehouse) -> None:
    rows = demo.rows("category_tree")
    assert Counter(row["depth"] for row in rows) == {0: 1, 1: 5, 2: 25, 3: 150}
    leaf = by(rows, "category_name")["SMALL PLATED TIN"]
    assert leaf["path"] == "ALL PRODUCTS > TIN > PLATED TIN > SMALL PLATED TIN"


def test_the_calendar_has_every_day_once(demo: Warehouse) -> None:
    first = datetime.date(1992, 1, 1)
    rows = demo.rows("calendar")
    assert [row["day"] for row in rows] == [first + datetime.timedelta(days=n) for n in range(7 * 365 + 2)]
    for row in rows:
        day = row["day"]
        assert isinstance(day, datetime.date)
        assert row["is_weekend"] == (day.isoweekday() >= 6)
        assert row["fiscal_year"] == (day.year if day.month >= 4 else day.year - 1)


# --- customers -------------------------------------------------------------------------------------


def test_every_customer_is_active_lapsed_or_a_prospect(demo: Warehouse, shop: Shop) -> None:
    orders = shop.orders_of()
    rows = by(demo.rows("core.customers"), "customer_key")
    assert rows.keys() == shop.customers.keys()
    assert {key: row["activity"] for key, row in rows.items()} == {
        key: activity(orders.get(key, [])) for key in shop.customers
    }
    for key, row in rows.items():
        assert row["net_amount"] == net_of(orders.get(key, []))
        assert row["order_count"] == len(orders.get(key, []))
        assert row["first_order_date"] == (orders[key][0].day if key in orders else None)
        assert row["last_order_date"] == (orders[key][-1].day if key in orders else None)


def test_first_orders_are_the_earliest(demo: Warehouse, shop: Shop) -> None:
    first = {row["customer_key"]: row["first_order_key"] for row in demo.rows("first_orders")}
    assert first == {customer: orders[0].key for customer, orders in shop.orders_of().items()}


def test_loyal_customers_ordered_each_year_and_returned_nothing(demo: Warehouse, shop: Shop) -> None:
    years = {1995, 1996, 1997}

    def is_loyal(orders: list[Order]) -> bool:
        in_years = [order for order in orders if order.day.year in years]
        returned = any(line.returned for order in in_years for line in order.lines)
        return {order.day.year for order in in_years} == years and not returned

    loyal = {customer for customer, orders in shop.orders_of().items() if is_loyal(orders)}
    assert sorted(map(str, demo.column("loyal_customers", "customer_key"))) == sorted(map(str, loyal))


def test_value_classes_compare_with_the_average_buyer(demo: Warehouse, shop: Shop) -> None:
    net = {customer: net_of(orders) for customer, orders in shop.orders_of().items()}
    average = mean(list(net.values()))

    def value_class(value: Decimal) -> str:
        return "key account" if value > 2 * average else "above average" if value > average else "regular"

    rows = by(demo.rows("customer_value"), "customer_key")
    assert {key: row["value_class"] for key, row in rows.items()} == {
        key: value_class(value) for key, value in net.items()
    }
    for score in ("recency_score", "frequency_score", "value_score"):
        assert Counter(row[score] for row in rows.values()) == dict.fromkeys(range(1, 6), len(net) // 5)


def test_segments_count_their_active_customers_above_the_average(demo: Warehouse, shop: Shop) -> None:
    orders = shop.orders_of()
    net = {key: net_of(orders.get(key, [])) for key in shop.customers}
    average = mean(list(net.values()))
    expected: Counter[tuple[str, str]] = Counter()
    for key, customer in shop.customers.items():
        segment = str(customer["c_mktsegment"]).title()
        expected[segment, "all"] += 1
        if activity(orders.get(key, [])) == "active":
            expected[segment, "active"] += 1
            expected[segment, "above"] += net[key] > average
    for row in demo.rows("segment_profile"):
        segment = str(row["segment"])
        assert row["customer_count"] == expected[segment, "all"]
        assert row["active_count"] == expected[segment, "active"]
        assert row["active_above_average_count"] == expected[segment, "above"]
        assert row["regions"] == "Africa, America, Asia, Europe, Middle East"


def test_the_win_back_list_has_lapsed_customers_above_their_markets_average(
    demo: Warehouse, shop: Shop
) -> None:
    lapsed = {key: orders for key, orders in shop.orders_of().items() if activity(orders) == "lapsed"}
    markets: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for customer, orders in lapsed.items():
        markets[shop.market_of(customer)].append(net_of(orders))
    expected = {
        customer: orders[-1].day
        for customer, orders in lapsed.items()
        if net_of(orders) > mean(markets[shop.market_of(customer)])
    }
    rows = by(demo.rows("win_back_list"), "customer_key")
    assert {key: row["latest_order_date"] for key, row in rows.items()} == expected


def test_watched_key_accounts_got_a_large_order_wholly_late(demo: Warehouse, shop: Shop) -> None:
    orders = shop.orders_of()
    active = {customer for customer, of in orders.items() if activity(of) == "active"}
    usual: dict[str, list[Decimal]] = defaultdict(list)
    for order in shop.orders:
        if order.late_lines and order.customer in active:
            usual[order.priority].append(order.net)
    average = {priority: mean(values) for priority, values in usual.items()}
    key_accounts = {
        int(str(row["Customer No."])): Decimal(str(row["Revenue"]))
        for row in demo.rows("CustomerScorecard")
        if row["Class"] == "key account"
    }
    watched = [
        customer
        for customer in key_accounts
        if any(
            order.late_lines == len(order.lines) and order.net > average[order.priority]
            for order in orders[customer]
        )
    ]
    typical = mean(list(key_accounts.values()))
    watched.sort(key=lambda customer: (abs(key_accounts[customer] - typical), customer))
    assert demo.column("key_account_watch", "Customer No.") == watched


def test_each_market_has_its_three_best_customers(demo: Warehouse, shop: Shop) -> None:
    net: dict[str, list[Decimal]] = defaultdict(list)
    for customer, orders in shop.orders_of().items():
        net[shop.market_of(customer)[0]].append(net_of(orders))
    rows = by(demo.rows("market_leaders"), "nation_name", "market_rank")
    assert len(rows) == 25 * 3
    for (nation, rank), row in rows.items():
        best = sorted(net[nation], reverse=True)
        assert row["net_amount"] == best[rank - 1]
        assert row["ahead_of_next"] == best[rank - 1] - best[rank]


# --- supply ----------------------------------------------------------------------------------------


def test_offers_are_the_two_cheapest_of_each_product(demo: Warehouse, shop: Shop) -> None:
    expected = {
        (product, rank): offer["ps_suppkey"]
        for product, offers in shop.offers.items()
        for rank, offer in enumerate(
            sorted(
                offers, key=lambda of: (of["ps_supplycost"], -int(str(of["ps_availqty"])), of["ps_suppkey"])
            )[:2],
            start=1,
        )
    }
    rows = by(demo.rows("supplier_offers"), "product_key", "offer_rank")
    assert {key: row["supplier_key"] for key, row in rows.items()} == expected


def test_suppliers_have_their_stock_their_lateness_and_their_preferred_products(
    demo: Warehouse, shop: Shop
) -> None:
    preferred = Counter(demo.column("core.products", "preferred_supplier_key"))
    stock: dict[object, Decimal] = defaultdict(Decimal)
    for offers in shop.offers.values():
        for offer in offers:
            stock[offer["ps_suppkey"]] += Decimal(str(offer["ps_availqty"])) * Decimal(
                str(offer["ps_supplycost"])
            )
    lines = Counter(line.supplier for line in shop.lines)
    late = Counter(line.supplier for line in shop.lines if line.late)
    rows = by(demo.rows("core.suppliers"), "supplier_key")
    assert rows.keys() == lines.keys()
    for key, row in rows.items():
        assert row["preferred_product_count"] == preferred[key]
        assert row["stock_value"] == stock[key]
        assert row["line_count"] == lines[key]
        assert row["late_share"] == pytest.approx(late[key] / lines[key], abs=1e-4)


def test_the_scorecard_sets_each_supplier_beside_its_region(demo: Warehouse) -> None:
    regions: dict[object, list[Row]] = defaultdict(list)
    for row in demo.rows("supplier_scorecard"):
        regions[row["region_name"]].append(row)
    assert len(regions) == 5
    for rows in regions.values():
        ranked = sorted(rows, key=lambda row: (row["late_share"], row["supplier_key"]))
        assert [row["rank_in_region"] for row in ranked] == list(range(1, len(rows) + 1))
        average = sum(row["late_share"] for row in rows) / len(rows)
        assert all(float(row["average_late_share"]) == pytest.approx(average, abs=1e-4) for row in rows)


def test_slow_movers_were_not_ordered_lately(demo: Warehouse, shop: Shop) -> None:
    recent: dict[int, Decimal] = defaultdict(Decimal)
    for order in shop.orders:
        if (LAST_DAY - order.day).days < QUIET_DAYS:
            for line in order.lines:
                recent[line.product] += line.net
    category = {row["product_key"]: row["category_name"] for row in demo.rows("staging.products")}
    sales: dict[object, Decimal] = defaultdict(Decimal)
    for product, value in recent.items():
        sales[category[product]] += value
    selling = {name for name, value in sales.items() if value > mean(list(sales.values()))}
    slow = {product for product, name in category.items() if product not in recent and name in selling}
    assert set(demo.column("slow_movers", "product_key")) == slow


def test_risks_are_products_of_indebted_suppliers_or_with_little_stock(demo: Warehouse, shop: Shop) -> None:
    indebted = {row["supplier_key"] for row in demo.rows("staging.suppliers") if row["owes_money"]}
    best: dict[object, set[object]] = defaultdict(set)
    for row in demo.rows("supplier_offers"):
        best[row["product_key"]].add(row["supplier_key"])
    stock = {
        product: sum(int(str(offer["ps_availqty"])) for offer in offers)
        for product, offers in shop.offers.items()
    }
    average = sum(stock.values()) / len(stock)
    expected = {(product, "only indebted suppliers") for product in best if best[product] <= indebted}
    expected |= {(product, "low stock") for product in stock if stock[product] * 3 < average}
    assert by(demo.rows("sourcing_risks"), "product_key", "risk").keys() == expected


def test_export_markets_buy_much_and_supply_little(demo: Warehouse, shop: Shop) -> None:
    net: dict[str, Decimal] = defaultdict(Decimal)
    for order in shop.orders:
        net[shop.market_of(order.customer)[0]] += order.net
    preferred: Counter[str] = Counter()
    for row in demo.rows("core.suppliers"):
        preferred[str(row["nation_name"])] += int(str(row["preferred_product_count"]))
    home = sorted(preferred, key=lambda nation: (-preferred[nation], nation))[:10]
    average = mean(list(net.values()))
    expected = {nation for nation, value in net.items() if value > average and nation not in home}
    assert set(demo.column("export_markets", "nation_name")) == expected


# --- web -------------------------------------------------------------------------------------------


def reported(shop: Shop) -> list[Row]:
    return [session for session in shop.sessions if str(session["started_at"]) >= "1993"]


def test_page_views_and_carts_have_every_nested_row(demo: Warehouse, shop: Shop) -> None:
    pages = [
        {"session_id": session["session_id"], "page_number": number, **page}
        for session in reported(shop)
        for number, page in enumerate(session["pages"], start=1)
    ]
    carts = [
        {"session_id": session["session_id"], **item}
        for session in reported(shop)
        for item in session["cart"]
    ]
    ids = {session["session_id"] for session in reported(shop)}
    found = [row for row in demo.rows("staging.page_views") if row["session_id"] in ids]
    assert sorted(map(repr, found)) == sorted(map(repr, pages))
    found = [row for row in demo.rows("staging.cart_items") if row["session_id"] in ids]
    assert sorted(map(repr, found)) == sorted(map(repr, carts))


def test_sessions_lay_their_structures_flat(demo: Warehouse, shop: Shop) -> None:
    rows = by(demo.rows("staging.web_sessions"), "session_id")
    assert len(rows) == len(reported(shop))
    for session in reported(shop):
        row = rows[session["session_id"]]
        assert row["screen_width"] == session["device"]["screen"]["width"]
        assert row["started_at"].isoformat() == session["started_at"]
        assert row["page_count"] == len(session["pages"])
        assert row["cart_item_count"] == len(session["cart"])
        assert row["search_terms"] == session["search_terms"]


def test_journeys_keep_the_order_of_the_pages(demo: Warehouse, shop: Shop) -> None:
    rows = by(demo.rows("session_journeys"), "session_id")
    for session in reported(shop):
        paths = [page["path"] for page in session["pages"]]
        row = rows[session["session_id"]]
        assert (row["journey"], row["landing_page"], row["exit_page"]) == (
            " > ".join(paths),
            paths[0],
            paths[-1],
        )
        assert row["seconds_on_site"] == sum(page["seconds"] for page in session["pages"])


def test_the_funnel_counts_each_step_by_channel(demo: Warehouse, shop: Shop) -> None:
    expected: Counter[tuple[str, int]] = Counter()
    for session in reported(shop):
        channel = session["channel"]
        expected[channel, 1] += 1
        expected[channel, 2] += any(page["path"] == "/product" for page in session["pages"])
        expected[channel, 3] += bool(session["cart"])
        expected[channel, 4] += session["order_key"] is not None
    rows = by(demo.rows("web_funnel"), "channel", "step")
    assert {key: row["session_count"] for key, row in rows.items()} == expected


def test_abandoned_carts_are_worth_their_products(demo: Warehouse, shop: Shop) -> None:
    prices = {row["product_key"]: row["retail_price"] for row in demo.rows("staging.products")}
    expected = {
        session["session_id"]: sum(item["quantity"] * prices[item["product_key"]] for item in session["cart"])
        for session in reported(shop)
        if session["order_key"] is None and session["customer_key"] is not None and session["cart"]
    }
    rows = by(demo.rows("abandoned_carts"), "session_id")
    assert {key: row["cart_value"] for key, row in rows.items()} == expected


def test_searches_accumulate_over_the_quarters(demo: Warehouse, shop: Shop) -> None:
    searches: Counter[tuple[datetime.date, str]] = Counter()
    for session in reported(shop):
        day = datetime.date.fromisoformat(session["started_at"][:10])
        quarter = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        searches.update((quarter, term) for term in session["search_terms"])
    rows = by(demo.rows("search_interest"), "quarter_start", "search_term")
    assert rows.keys() == searches.keys()
    for (quarter, term), row in rows.items():
        assert row["searches_so_far"] == sum(
            count for (other, of), count in searches.items() if of == term and other <= quarter
        )


def test_purchases_are_orders_of_that_customer_and_day(shop: Shop) -> None:
    orders = {order.key: order for order in shop.orders}
    bought = [session for session in reported(shop) if session["order_key"] is not None]
    assert len(bought) > len(reported(shop)) // 4
    for session in bought:
        order = orders[session["order_key"]]
        assert (session["customer_key"], session["started_at"][:10]) == (
            order.customer,
            order.day.isoformat(),
        )
        assert [item["product_key"] for item in session["cart"]] == [line.product for line in order.lines]


# --- the board -------------------------------------------------------------------------------------


def test_the_summary_repeats_the_marts(demo: Warehouse, shop: Shop) -> None:
    (row,) = demo.rows("reporting.executive_summary")
    assert row["net_amount"] == shop.net
    assert row["loyal_customers"] == demo.results["loyal_customers"].num_rows
    assert row["customers_to_win_back"] == demo.results["win_back_list"].num_rows
    assert row["products_at_risk"] == demo.results["sourcing_risks"].num_rows
    assert row["abandoned_cart_value"] == demo.total("abandoned_carts", "cart_value")
    attained = [
        float(str(value)) for value in demo.column("target_attainment", "attainment") if value is not None
    ]
    assert row["targets_met"] == sum(value >= 1 for value in attained)
    assert row["targets_missed"] == sum(value < 1 for value in attained)
