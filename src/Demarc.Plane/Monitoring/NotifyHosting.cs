using Demarc.Plane.Hosting;

namespace Demarc.Plane.Monitoring;

/// <summary>What notifications need of the plane's process.</summary>
internal static class NotifyHosting
{
    public static void AddServices(IServiceCollection services, PlaneFolder folder)
    {
        services.AddSingleton(_ => NotificationStore.Open(folder.File("notifications.db")));
        services.AddSingleton<NotificationBell>();
        services.AddSingleton<WebhookCarrier>();
        services.AddSingleton<INotificationCarrier>(s => s.GetRequiredService<WebhookCarrier>());
        services.AddSingleton<INotificationCarrier, MailCarrier>();
        services.AddSingleton<NotificationWatch>();
        services.AddSingleton<NotificationSender>();
        services.AddHostedService(s => s.GetRequiredService<NotificationWatch>());
        services.AddHostedService(s => s.GetRequiredService<NotificationSender>());
    }
}
