/*
 * inf-reader INF HARDWARE-ID|[MODELS]...
 *
 * What SetupAPI makes of an INF file for devices with these hardware IDs: for each it makes such a device, lets SetupAPI
 * search the file for drivers, as the Device Manager's "Have disk" does, and prints what it found, strings replaced:
 *
 *     device ID
 *     driver NAME | MAKER | PROVIDER
 *     install SECTION             the section for this system, with its decoration
 *     line SECTION | LINE         its lines, and those of its AddReg and Services sections
 *
 * Only the system's own section of models is searched so. Those of other systems are read by their names, in brackets:
 *
 *     models SECTION
 *     line SECTION | LINE         each model, and behind it the sections that it names, decorated with NT
 *
 * Built with mingw, run with Wine (checks/windows). All text is UTF-8.
 */
#include <windows.h>
#include <setupapi.h>
#include <stdio.h>

static const GUID net = {0x4d36e972, 0xe325, 0x11ce, {0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03, 0x18}};

static void fail(const char *what)
{
    fprintf(stderr, "FAILED: %s (error 0x%lx)\n", what, (unsigned long)GetLastError());
    exit(1);
}

static const char *utf8(const WCHAR *text)
{
    static char buffers[8][2048];
    static int next;
    char *buffer = buffers[next++ % 8];

    if (!WideCharToMultiByte(CP_UTF8, 0, text, -1, buffer, sizeof(buffers[0]), NULL, NULL)) fail("not Unicode");
    return buffer;
}

/* A line of a section, strings replaced. */
static void print_line(INFCONTEXT *line, const WCHAR *section)
{
    DWORD fields = SetupGetFieldCount(line);
    WCHAR text[1024];

    printf("line %s |", utf8(section));
    for (DWORD field = 0; field <= fields; field++) {
        if (!SetupGetStringFieldW(line, field, text, ARRAYSIZE(text), NULL)) {
            if (field == 0) continue; /* a line without a key */
            fail("unreadable line");
        }
        printf("%s%s", field > 1 ? "," : " ", utf8(text));
    }
    printf("\n");
}

/* The lines of a section. */
static void print_lines(HINF inf, const WCHAR *section)
{
    INFCONTEXT line;

    if (!SetupFindFirstLineW(inf, section, NULL, &line)) {
        fprintf(stderr, "FAILED: no section %s\n", utf8(section));
        exit(1);
    }
    do print_line(&line, section);
    while (SetupFindNextLine(&line, &line));
}

/* An install section with what belongs to it. */
static void print_section(HINF inf, const WCHAR *actual)
{
    WCHAR services[320], reg[256];
    INFCONTEXT line;

    print_lines(inf, actual);
    if (!SetupFindFirstLineW(inf, actual, L"AddReg", &line) || !SetupGetStringFieldW(&line, 1, reg, ARRAYSIZE(reg), NULL))
        fail("no AddReg");
    print_lines(inf, reg);
    _snwprintf(services, ARRAYSIZE(services), L"%ls.Services", actual);
    print_lines(inf, services);
}

static void print_installation(HINF inf, const WCHAR *section)
{
    WCHAR actual[256];

    if (!SetupDiGetActualSectionToInstallW(inf, section, actual, ARRAYSIZE(actual), NULL, NULL)) fail("no section to install");
    printf("install %s\n", utf8(actual));
    print_section(inf, actual);
}

static void print_models(HINF inf, const WCHAR *section)
{
    WCHAR install[256], actual[300];
    INFCONTEXT line;

    printf("models %s\n", utf8(section));
    if (!SetupFindFirstLineW(inf, section, NULL, &line)) fail("no models");
    do {
        print_line(&line, section);
        if (!SetupGetStringFieldW(&line, 1, install, ARRAYSIZE(install), NULL)) fail("a model without a section");
        _snwprintf(actual, ARRAYSIZE(actual), L"%ls.NT", install);
        print_section(inf, actual);
    } while (SetupFindNextLine(&line, &line));
}

static void print_drivers(HINF inf, const WCHAR *path, const WCHAR *id)
{
    SP_DEVINFO_DATA device = {.cbSize = sizeof(device)};
    SP_DEVINSTALL_PARAMS_W params = {.cbSize = sizeof(params)};
    SP_DRVINFO_DATA_W driver = {.cbSize = sizeof(driver)};
    SP_DRVINFO_DETAIL_DATA_W detail = {.cbSize = sizeof(detail)};
    WCHAR ids[256] = {0};
    HDEVINFO set = SetupDiCreateDeviceInfoList(&net, NULL);

    if (set == INVALID_HANDLE_VALUE) fail("device list");
    if (!SetupDiCreateDeviceInfoW(set, L"Net", &net, NULL, NULL, DICD_GENERATE_ID, &device)) fail("device");
    lstrcpynW(ids, id, ARRAYSIZE(ids) - 1); /* a list: two NULs end it */
    if (!SetupDiSetDeviceRegistryPropertyW(set, &device, SPDRP_HARDWAREID, (BYTE *)ids, (lstrlenW(ids) + 2) * sizeof(WCHAR)))
        fail("hardware ID");
    if (!SetupDiGetDeviceInstallParamsW(set, &device, &params)) fail("parameters");
    lstrcpynW(params.DriverPath, path, ARRAYSIZE(params.DriverPath));
    params.Flags |= DI_ENUMSINGLEINF;
    if (!SetupDiSetDeviceInstallParamsW(set, &device, &params)) fail("parameters");
    if (!SetupDiBuildDriverInfoList(set, &device, SPDIT_COMPATDRIVER)) fail("drivers");
    printf("device %s\n", utf8(id));
    for (DWORD i = 0; SetupDiEnumDriverInfoW(set, &device, SPDIT_COMPATDRIVER, i, &driver); i++) {
        /* There is more (the IDs) than there is room for; the section is in what there is. */
        if (!SetupDiGetDriverInfoDetailW(set, &device, &driver, &detail, sizeof(detail), NULL) &&
            GetLastError() != ERROR_INSUFFICIENT_BUFFER)
            fail("driver");
        printf("driver %s | %s | %s\n", utf8(driver.Description), utf8(driver.MfgName), utf8(driver.ProviderName));
        print_installation(inf, detail.SectionName);
    }
    SetupDiDestroyDeviceInfoList(set);
}

int wmain(int argc, WCHAR **argv)
{
    WCHAR path[MAX_PATH];
    UINT wrong;
    HINF inf;

    if (argc < 3) fail("usage: inf-reader INF HARDWARE-ID|[MODELS]...");
    if (!GetFullPathNameW(argv[1], ARRAYSIZE(path), path, NULL)) fail("path");
    inf = SetupOpenInfFileW(path, NULL, INF_STYLE_WIN4, &wrong);
    if (inf == INVALID_HANDLE_VALUE) {
        fprintf(stderr, "FAILED: SetupAPI cannot read the file, line %u (error 0x%lx)\n", wrong, (unsigned long)GetLastError());
        return 1;
    }
    for (int i = 2; i < argc; i++) {
        WCHAR *end = wcschr(argv[i], L']');

        if (argv[i][0] != L'[' || !end) {
            print_drivers(inf, path, argv[i]);
        } else {
            *end = 0;
            print_models(inf, argv[i] + 1);
        }
    }
    SetupCloseInfFile(inf);
    return 0;
}
